import { flatGrid, type Tensor } from "@ds3/tensor";
import { lanesOf } from "./dequantize.ts";
import { checkF32, checkWords, leading } from "./matrix-parts.ts";
import { decodeUe8m0Wgsl, encodeUe8m0Wgsl } from "./ue8m0.wgsl.ts";

/** Words, or scales, that a workgroup takes. */
const SPAN = 256;

/**
 * Scales as UE8M0 bytes, rounded *up* to the next power of two: f32 [..., n] -> u32 [..., ceil(n / 4)], the first byte in the
 * lowest bits, the last word filled up with 0. What is at most 2^-127 becomes that, byte 0; above 2^127, infinity and NaN
 * become 255, NaN, and so do zero and negative numbers, which UE8M0 does not have. Not recorded on tapes. Cost: one dispatch.
 *
 * @throws DtypeError unless scales are f32.
 */
export function encodeUe8m0(scales: Tensor): Tensor {
  checkF32("encodeUe8m0", "scales", scales);
  const { gpu, shape } = scales;
  const columns = shape.at(-1) ?? 1;
  const words = Math.ceil(columns / 4);
  const bytes = gpu.empty([...shape.slice(0, -1), words], "u32", "ue8m0");
  const uniforms = { size: bytes.size, columns, words, span: SPAN };
  gpu.dispatch(
    encodeUe8m0Wgsl({ lanes: lanesOf(gpu.target) }),
    { scales, bytes },
    uniforms,
    flatGrid(bytes.size, SPAN),
  );
  return bytes;
}

/**
 * The powers of two of UE8M0 bytes: u32 [..., words] as `encodeUe8m0` gives them -> f32 [..., columns], 2^(byte - 127), the
 * quiet NaN 0x7fc00000 for 255. Byte 0 is a subnormal of f32: written as its bits, but adapters may flush it in arithmetic.
 * Not recorded on tapes. Cost: one dispatch.
 *
 * @throws DtypeError unless bytes are u32; ShapeError unless their rows have the words of so many columns.
 */
export function decodeUe8m0(bytes: Tensor, columns: number): Tensor {
  const words = Math.ceil(columns / 4);
  checkWords("decodeUe8m0", "bytes", bytes, words, `of ${columns} UE8M0 bytes`);
  const { gpu } = bytes;
  const scales = gpu.empty([...bytes.shape.slice(0, -1), columns], "f32", "ue8m0 scales");
  const uniforms = { size: leading(bytes.shape) * columns, columns, words, span: SPAN };
  gpu.dispatch(
    decodeUe8m0Wgsl({ lanes: lanesOf(gpu.target) }),
    { bytes, scales },
    uniforms,
    flatGrid(scales.size, SPAN),
  );
  return scales;
}
