import type { CodeFormat, OverflowPolicy } from "@ds3/fp8-codec";
import { flatGrid, type Tensor } from "@ds3/tensor";
import { decodeRows, lanesOf, UNITS_PER_GROUP } from "./dequantize.ts";
import { encodeTensorWgsl } from "./encode-tensor.wgsl.ts";
import { checkNames, checkSource, checkWords, leading, rowWords, unitsOf } from "./matrix-parts.ts";

/** Options of `encodeTensor`. */
export interface EncodeTensorOptions {
  /** What becomes of numbers beyond the largest finite one; default `saturate`, see `OverflowPolicy`. */
  readonly overflow?: OverflowPolicy;
}

/**
 * The nearest codes of x, ties to even, without scales. x f32 [..., C] -> u32 [..., words], a row's codes side by side as in
 * `QuantizedMatrix`. NaN keeps its sign, f32 subnormals become signed zeros. Not recorded on tapes. Cost: one dispatch.
 *
 * @throws ConfigError for an unknown format or policy; DtypeError unless x is f32; ShapeError for a scalar.
 */
export function encodeTensor(
  x: Tensor,
  format: CodeFormat,
  { overflow = "saturate" }: EncodeTensorOptions = {},
): Tensor {
  checkNames("encodeTensor", { format, overflow });
  checkSource("encodeTensor", x);
  const { gpu } = x;
  const [rows, columns] = [leading(x.shape), x.shape.at(-1)!];
  const units = unitsOf(format, columns);
  const codes = gpu.empty([...x.shape.slice(0, -1), rowWords(format, columns)], "u32", `${format} codes`);
  // torch saturates where the format has no infinity.
  const saturates = overflow === "saturate" || (overflow === "torch" && format === "e4m3fn");
  const params = { format, overflow: saturates ? "saturate" : "overflow", vectors: columns % 4 === 0 } as const;
  const spans = Math.ceil(units / UNITS_PER_GROUP);
  const uniforms = { rows, columns, units, span: UNITS_PER_GROUP, spans };
  const kernel = encodeTensorWgsl({ ...params, lanes: lanesOf(gpu.target) });
  gpu.dispatch(kernel, { x, codes }, uniforms, flatGrid(rows * spans, 1));
  return codes;
}

/**
 * The values of codes without scales, exactly: u32 [..., words] as `encodeTensor` gives them -> f32 [..., columns]. NaN is
 * the quiet NaN with the code's sign. Not recorded on tapes. Cost: one dispatch.
 *
 * @throws ConfigError for an unknown format; DtypeError unless codes are u32; ShapeError unless their rows have the words
 * of so many columns.
 */
export function decodeTensor(codes: Tensor, columns: number, format: CodeFormat): Tensor {
  checkNames("decodeTensor", { format });
  checkWords("decodeTensor", "codes", codes, rowWords(format, columns), `of ${columns} ${format} codes`);
  const out = codes.gpu.empty([...codes.shape.slice(0, -1), columns], "f32", "decodeTensor");
  decodeRows({ format, tiling: "none" }, { codes, out }, { rows: leading(codes.shape), columns });
  return out;
}
