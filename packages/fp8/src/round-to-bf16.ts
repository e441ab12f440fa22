import { flatGrid, type Tensor } from "@ds3/tensor";
import { lanesOf } from "./dequantize.ts";
import { checkF32 } from "./matrix-parts.ts";
import { roundToBf16Wgsl } from "./round-to-bf16.wgsl.ts";

/** Elements, or vectors of four, that a workgroup rounds. */
const SPAN = 256;

/**
 * x rounded to the nearest bf16, ties to even, kept as f32: what the combine of DeepSeek-V3's experts sends (report, section
 * 3.4). x f32 of any shape. NaN stays NaN; beyond the largest bf16 infinity. Not recorded on tapes. Cost: one dispatch.
 *
 * @throws DtypeError unless x is f32.
 */
export function roundToBf16(x: Tensor): Tensor {
  checkF32("roundToBf16", "x", x);
  const { gpu } = x;
  const out = gpu.empty(x.shape, "f32", "roundToBf16");
  const vectors = x.size % 4 === 0;
  const size = vectors ? x.size / 4 : x.size;
  const kernel = roundToBf16Wgsl({ vectors, lanes: lanesOf(gpu.target) });
  gpu.dispatch(kernel, { x, out }, { size, span: SPAN }, flatGrid(size, SPAN));
  return out;
}
