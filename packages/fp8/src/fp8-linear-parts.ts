/**
 * What the linear layers share: how operands are rounded, and the three products.
 */
import { DtypeError, ShapeError } from "@ds3/errors";
import { cast, type RowGroups, type Tensor } from "@ds3/tensor";
import { fp8GroupedMatmulInto, fp8MatmulInto } from "./matmul.ts";
import type { QuantizeOptions } from "./quantize.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";
import type { RequantizeOptions } from "./requantize.ts";

/**
 * Floor of amax for gradients. Activations' 1e-4 would cut them off: the mean over a batch's tokens divides them all. So
 * it only has to keep a tile of zeros from a scale of zero, and the factor of a sum of products, its scale times one of at
 * least 1e-4 / 448, a normal f32: adapters flush subnormal ones. 2^-90 / 448 x 1e-4 / 448 is 2^-121; 2^-126 is the least.
 */
export const GRADIENT_FLOOR: number = 2 ** -90;

/** Rounds operands: tile by tile, or with one scale for all. */
export interface Rounding {
  quantize(x: Tensor, options: QuantizeOptions): QuantizedMatrix;
  requantize(matrix: QuantizedMatrix, options: RequantizeOptions): QuantizedMatrix;
}

/** One layer at work: what all steps of it need to know. */
export interface LayerContext {
  /** Name in errors and on the tape. */
  readonly op: string;
  readonly rounding: Rounding;
  /** Rows sorted by expert; without, there is one weight for all rows. */
  readonly groups: RowGroups | undefined;
}

/** Which rows a column tile may span. */
export function columnTiling({ groups }: LayerContext): { tiling: "column"; groups?: RowGroups } {
  return { tiling: "column", ...(groups ? { groups } : {}) };
}

/** What the tape keeps of operands. */
export function savedOf({ groups }: LayerContext, ...matrices: readonly QuantizedMatrix[]): Tensor[] {
  const tensors = matrices.flatMap(({ codes, scales }) => [codes, scales]);
  return groups ? [...tensors, groups.offsets, groups.tiles] : tensors;
}

/** Whether a tape will run the layer's backward; without one, nothing has to be kept for it. */
export function isRecorded(...inputs: readonly [Tensor, ...Tensor[]]): boolean {
  const tape = inputs[0].gpu.activeTape;
  return tape !== undefined && inputs.some((input) => tape.tracks(input));
}

/** C = A B or C += A B, of each expert's rows where there are experts. */
export function productInto(
  { groups }: LayerContext,
  c: Tensor,
  a: QuantizedMatrix,
  b: QuantizedMatrix,
  options: { readonly layout: "nt" | "nn" | "tn"; readonly accumulate: boolean; readonly round?: "bf16" },
): void {
  if (groups) fp8GroupedMatmulInto(c, a, b, groups, options);
  else fp8MatmulInto(c, a, b, options);
}

/** x W^T of rounded operands: f32, or bf16 where it is combined. */
export interface ForwardProduct {
  readonly rows: QuantizedMatrix;
  readonly blocks: QuantizedMatrix;
  /** [..., O] */
  readonly shape: readonly number[];
  readonly isCombined: boolean;
}

/** y of a layer; the tape sees nothing of how it comes about. */
export function forwardProduct(context: LayerContext, { rows, blocks, shape, isCombined }: ForwardProduct): Tensor {
  const { gpu } = rows.codes;
  const y = gpu.empty(shape, "f32", context.op);
  productInto(context, y, rows, blocks, { layout: "nt", accumulate: false });
  return isCombined ? gpu.noGrad(() => cast(y, "bf16")) : y;
}

/** How a gradient is rounded: that of what was combined arrives through the backward dispatch, in scales that are powers of two. */
export function gradientRounding(isCombined: boolean): {
  readonly floor: number;
  readonly scales: "powerOfTwo" | "f32";
} {
  return { floor: GRADIENT_FLOOR, scales: isCombined ? "powerOfTwo" : "f32" };
}

/** @throws DtypeError naming the operand that is not f32. */
export function assertF32({ op }: LayerContext, operands: Readonly<Record<string, Tensor>>): void {
  for (const [operand, tensor] of Object.entries(operands)) {
    if (tensor.dtype === "f32") continue;
    const hint = "Pass it in f32: the layer rounds it to FP8 itself.";
    throw new DtypeError({ op, operand, expected: "f32", actual: `${tensor}`, hint });
  }
}

/**
 * Outputs of the layer.
 *
 * @throws ShapeError where the weight does not fit the `width` columns of x, or its experts the groups.
 */
export function outputsOf({ op, groups }: LayerContext, x: Tensor, width: number, weight: Tensor): number {
  const fits = groups
    ? weight.shape.length === 3 && x.shape.length === 2 && x.shape[0] === groups.R && weight.shape[0] === groups.E
    : weight.shape.length === 2 && x.shape.length > 0;
  if (fits && weight.shape.at(-1) === width) return weight.shape.at(-2)!;
  const expected = groups ? `[E=${groups.E}, O, ${width}], and rows [R=${groups.R}, ...]` : `[O, ${width}]`;
  const hint = groups
    ? "Weights are [experts, out, in]; the groups must be those of these rows and experts."
    : "Weights are [out, in]: their columns are the input's.";
  throw new ShapeError({ op, operand: "weight", expected, actual: `${weight}, and rows ${x}`, hint });
}
