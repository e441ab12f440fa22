/**
 * How workgroup tiles of A and B are filled: in slots of four elements that are neighbours in memory, whatever the
 * layout, so that every load of an aligned operand is one vector. Slots of rows along k are swizzled: invocations that
 * read the same k of neighbouring rows find them in different banks.
 */
import {
  aIndex,
  bIndex,
  elementAccess,
  type MatmulLayout,
  type OperandDtype,
  type ProductParams,
  vectorAccess,
} from "./matmul-operands.ts";

/** Compile-time parameters of a staged tile. */
export interface StagingParams extends ProductParams {
  /** Rows of A, columns of B, and k of a tile; multiples of 4. */
  readonly tileM: number;
  readonly tileN: number;
  readonly tileK: number;
  /**
   * Loads four elements at once. Needs rows, strides, and the lengths along memory (M or K of A, N or K of B) that are
   * multiples of 4.
   */
  readonly vector: boolean;
  /** Elements in workgroup memory; f16 needs `shader-f16`, and loses nothing of f16 operands. Default f32. */
  readonly staged?: "f32" | "f16";
}

/** One operand's tile. */
export interface StagedOperand {
  readonly name: "A" | "B";
  /** Memory runs along k; else along m (A) or n (B). */
  readonly alongK: boolean;
  /** Rows of A or columns of B. */
  readonly extent: number;
  readonly slots: number;
  /** Slots of one line of memory: along k of one row, else along the rows or columns of one k. */
  readonly slotsPerLine: number;
}

/** The two tiles of a product. */
export function stagedOperands({
  layout,
  tileM,
  tileN,
  tileK,
}: StagingParams): readonly [StagedOperand, StagedOperand] {
  const operand = (name: "A" | "B", alongK: boolean, extent: number): StagedOperand => {
    const slotsPerLine = (alongK ? tileK : extent) / 4;
    return { name, alongK, extent, slotsPerLine, slots: (extent * tileK) / 4 };
  };
  return [operand("A", layout[0] === "n", tileM), operand("B", layout[1] === "t", tileN)];
}

/** WGSL `slotA(p, m, k)` and `slotB(p, n, k)`: four elements from there on along memory, zero outside of the product. */
export function slotWgsl(params: StagingParams): string {
  const [a, b] = stagedOperands(params);
  return `${slotOf(a, params, params.dtypeA)}\n${slotOf(b, params, params.dtypeB)}`;
}

function slotOf({ name, alongK }: StagedOperand, params: StagingParams, dtype: OperandDtype = "f32"): string {
  const { layout, vector, staged = "f32" } = params;
  const type = staged === "f16" ? "vec4<f16>" : "vec4f";
  const line = name === "A" ? (alongK ? "line < p.rows.y" : "line < u.M") : "line < u.N";
  const indexOf = name === "A" ? aIndex : flippedB;
  const access = vector ? vectorAccess(name, dtype) : elementAccess(name, dtype).wgsl;
  const value = vector
    ? vectorSlot(name, line, indexOf, layout)
    : elementSlot(name, alongK, line, indexOf, layout, dtype);
  return `${access}
fn slot${name}(p: Part, line: u32, k: u32) -> ${type} {
  return ${staged === "f16" ? `${type}(${value})` : value};
}`;
}

/** A slot lies in the product with all its elements or none. */
function vectorSlot(name: string, line: string, indexOf: typeof aIndex, layout: MatmulLayout): string {
  return `select(vec4f(), vector${name}(${indexOf(layout, "line", "k")}), ${line} && k < p.depth)`;
}

function elementSlot(
  name: "A" | "B",
  alongK: boolean,
  line: string,
  indexOf: typeof aIndex,
  layout: MatmulLayout,
  dtype: OperandDtype,
): string {
  const { at } = elementAccess(name, dtype);
  const element = (c: number): string => {
    const [l, k] = alongK ? ["line", `(k + ${c}u)`] : [`(line + ${c}u)`, "k"];
    return `select(0.0, ${at(indexOf(layout, l, k))}, ${line.replace("line", l)} && ${k} < p.depth)`;
  };
  return `vec4f(\n    ${[0, 1, 2, 3].map(element).join(",\n    ")})`;
}

function flippedB(layout: MatmulLayout, n: string, k: string): string {
  return bIndex(layout, k, n);
}

/** WGSL `nextA0 = slotA(...);` for each slot that an invocation copies of the tiles at row0, column0 and `k0`. */
export function fetches(operands: readonly StagedOperand[], lanes: number, k0: string): string[] {
  return operands.flatMap((operand) => {
    const { name, alongK, slotsPerLine } = operand;
    const first = name === "A" ? "row0" : "column0";
    return slotNumbers(operand, lanes).map((slot, i) => {
      // Neighbouring numbers are neighbours in memory.
      const [outer, inner] = [`${slot} / ${slotsPerLine}u`, `${slot} % ${slotsPerLine}u * 4u`];
      const [line, k] = alongK ? [outer, inner] : [inner, outer];
      return `next${name}${i} = slot${name}(p, ${first} + ${line}, ${k0} + ${k});`;
    });
  });
}

/** WGSL: the numbers of the slots that an invocation copies; where `lanes` does not divide them, the last may be none. */
export function slotNumbers({ slots }: StagedOperand, lanes: number): string[] {
  return Array.from({ length: Math.ceil(slots / lanes) }, (_, i) => `(lane + ${i * lanes}u)`);
}

/** How far a row number is shifted for the swizzle: as many rows as share all banks get the same one. */
export function swizzleShift(slotsPerLine: number, staged: "f32" | "f16"): number {
  const banks = staged === "f16" ? 16 : 8; // in slots
  return Math.max(0, Math.log2(banks / slotsPerLine));
}
