import { ShapeError } from "@ds3/errors";
import type { Tensor } from "./tensor.ts";

/** The axis letters of a pattern string, as a union type: `"T D"` gives `"T" | "D"`. */
type Letters<P extends string> = P extends `${infer Head} ${infer Rest}`
  ? Letters<Head> | Letters<Rest>
  : P extends "" | `${number}`
    ? never
    : P;

/**
 * Checks shapes against patterns and names the sizes. The same line documents, checks and binds:
 *
 * ```ts
 * const { T, E } = dims("route", { scores: "T E", bias: "E" }, { scores, bias });
 * ```
 * A letter stands for one size wherever it appears; a number for itself.
 * @throws ShapeError that names the operand, its shape, and which operand fixed the size.
 */
export function dims<const P extends Readonly<Record<string, string>>>(
  op: string,
  patterns: P,
  tensors: { readonly [K in keyof P]: Pick<Tensor, "shape"> },
): Readonly<Record<Letters<P[keyof P]>, number>> {
  const sizes: Record<string, number> = {};
  const fixedBy: Record<string, string> = {};
  for (const [operand, pattern] of Object.entries(patterns)) {
    const axes = pattern === "" ? [] : pattern.split(" ");
    const { shape } = tensors[operand as keyof P];
    const fits =
      shape.length === axes.length &&
      axes.every((axis, i) => (/^\d/.test(axis) ? Number(axis) : (sizes[axis] ?? shape[i])) === shape[i]);
    if (!fits) throw shapeError(op, operand, axes, shape, sizes, fixedBy);
    for (const [i, axis] of axes.entries()) {
      if (/^\d/.test(axis)) continue;
      sizes[axis] ??= shape[i]!;
      fixedBy[axis] ??= `${operand}'s axis ${i}`;
    }
  }
  return sizes as Record<Letters<P[keyof P]>, number>;
}

function shapeError(
  op: string,
  operand: string,
  axes: readonly string[],
  shape: readonly number[],
  sizes: Readonly<Record<string, number>>,
  fixedBy: Readonly<Record<string, string>>,
): ShapeError {
  const expected = `[${axes.map((axis) => (axis in sizes ? `${axis}=${sizes[axis]}` : axis)).join(", ")}]`;
  const reasons = axes
    .filter((axis) => axis in sizes)
    .map((axis) => `${axis} was fixed to ${sizes[axis]} by ${fixedBy[axis]}`);
  const hint = reasons.length > 0 ? `${reasons.join("; ")}.` : undefined;
  return new ShapeError({ op, operand, expected, actual: `[${shape.join(", ")}]`, ...(hint ? { hint } : {}) });
}
