import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { sizeOf } from "./dtype.ts";
import { type MatmulLayout, operandDtype } from "./matmul-operands.ts";
import { type MatmulShape, planMatmul } from "./matmul-plan.ts";
import { record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/** How the operands lie in memory: nn A [M, K], B [K, N]; nt B [N, K]; tn A [K, M]. */
export interface MatmulOptions {
  readonly layout?: MatmulLayout;
}

/**
 * C = A B, f32, accumulated in f32. Operands are f32, f16 or bf16, each as it is; gradients are f32.
 *
 * nn (default): a [..., M, K], b [..., K, N]; nt: b [..., N, K] (a linear layer with weight [out, in]); tn: a [..., K, M].
 * Leading axes are a batch and must agree, or `b` has none: then a's leading axes count as rows (not for tn).
 * Accepts any sizes >= 0; K = 0 gives zeros. Differentiable in both operands; a parameter's gradient is added to in
 * place by the same kernel.
 * @throws ShapeError when K or the batches differ; DtypeError for operands of integers;
 * OutOfRangeError for another layout.
 */
export function matmul(a: Tensor, b: Tensor, { layout = "nn" }: MatmulOptions = {}): Tensor {
  operandDtype("matmul", "a", a);
  operandDtype("matmul", "b", b);
  assertLayout(layout);
  const problem = problemOf(a, b, layout);
  const c = a.gpu.empty(problem.output, "f32", "matmul");
  run(problem.shape, a, b, c);
  record(a.gpu, {
    label: `matmul ${layout}`,
    inputs: [a, b],
    outputs: [c],
    saved: [a, b],
    backward: ([dc], sink) => {
      for (const { input, layout: rule, left, right, ...sizes } of gradientRules(problem.shape, a, b, dc!)) {
        sink.into(input, (target, accumulate) => run({ ...sizes, layout: rule, accumulate }, left, right, target));
      }
    },
  });
  return c;
}

/** How `matmulInto` writes. */
export interface MatmulIntoOptions extends MatmulOptions {
  /** Adds to `c` instead of overwriting it. */
  readonly accumulate: boolean;
  /** A factor of the product. Default 1. */
  readonly alpha?: number;
}

/** C = alpha A B, or C +=, of checked matrices into memory that is there, unrecorded: for backward rules of other ops. */
export function matmulInto(c: Tensor, a: Tensor, b: Tensor, { layout = "nn", ...options }: MatmulIntoOptions): void {
  run({ ...problemOf(a, b, layout).shape, ...options }, a, b, c);
}

interface Problem {
  readonly shape: MatmulShape & { readonly batch: number };
  readonly output: readonly number[];
}

function problemOf(a: Tensor, b: Tensor, layout: MatmulLayout): Problem {
  const sharedWeight = b.shape.length === 2 && layout !== "tn";
  const batchAxes = a.shape.slice(0, -2);
  const [a0, a1] = sharedWeight
    ? [sizeOf(a.shape.slice(0, -1)), a.shape.at(-1)!]
    : (a.shape.slice(-2) as [number, number]);
  const [b0, b1] = b.shape.slice(-2) as [number, number];
  const [M, K] = layout === "tn" ? [a1, a0] : [a0, a1];
  const [inner, N] = layout === "nt" ? [b1, b0] : [b0, b1];
  const sameBatch = sharedWeight || `${batchAxes}` === `${b.shape.slice(0, -2)}`;
  if (a.shape.length < 2 || b.shape.length < 2 || inner !== K || !sameBatch) throw mismatch(a, b, layout);
  const batch = sharedWeight ? 1 : sizeOf(batchAxes);
  const output = [...(sharedWeight ? a.shape.slice(0, -1) : [...batchAxes, M]), N];
  return { shape: { layout, M, N, K, batch }, output };
}

/** dA and dB as products of dC with the other operand: each layout's rules are again nn, nt and tn products. */
function gradientRules(
  { layout, M, N, K, batch }: Problem["shape"],
  a: Tensor,
  b: Tensor,
  dc: Tensor,
): (MatmulShape & { input: Tensor; left: Tensor; right: Tensor })[] {
  const dA = { input: a, M, N: K, K: N, batch, left: dc, right: b };
  if (layout === "nn") {
    return [
      { ...dA, layout: "nt" },
      { input: b, layout: "tn", M: K, N, K: M, batch, left: a, right: dc },
    ];
  }
  if (layout === "nt") {
    return [
      { ...dA, layout: "nn" },
      { input: b, layout: "tn", M: N, N: K, K: M, batch, left: dc, right: a },
    ];
  }
  return [
    { input: a, layout: "nt", M: K, N: M, K: N, batch, left: b, right: dc },
    { input: b, layout: "nn", M: K, N, K: M, batch, left: a, right: dc },
  ];
}

function run(shape: MatmulShape, left: Tensor, right: Tensor, target: Tensor): void {
  const dtypes = { dtypeA: operandDtype("matmul", "a", left), dtypeB: operandDtype("matmul", "b", right) };
  const { kernel, uniforms, groups } = planMatmul(target.gpu.target, { ...shape, ...dtypes });
  const flops = 2 * (shape.batch ?? 1) * shape.M * shape.N * shape.K;
  target.gpu.dispatch(kernel, { A: left, B: right, C: target }, uniforms, groups, { flops });
}

const OPERANDS: Readonly<Record<MatmulLayout, string>> = {
  nn: "[..., M, K] and [..., K, N]",
  nt: "[..., M, K] and [..., N, K]",
  tn: "[..., K, M] and [..., K, N]",
};

function assertLayout(layout: MatmulLayout): void {
  if (Object.hasOwn(OPERANDS, layout)) return;
  const expected = Object.keys(OPERANDS).join(", ");
  throw new OutOfRangeError({ op: "matmul", operand: "layout", expected, actual: `${layout}` });
}

function mismatch(a: Tensor, b: Tensor, layout: MatmulLayout): ShapeError {
  return new ShapeError({
    op: "matmul",
    operand: "b",
    expected: `a and b as ${OPERANDS[layout]} for layout ${layout}`,
    actual: `${a} and ${b}`,
    hint: "For a linear layer with weight [out, in] use layout nt.",
  });
}
