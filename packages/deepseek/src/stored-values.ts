/*
 * Values of a checkpoint's tensors as f32. A weight in FP8 is e4m3 codes [rows, columns] and, under its name with
 * `_scale_inv` behind, an f32 factor for each block of 128 x 128, [ceil(rows / 128), ceil(columns / 128)]; blocks at the
 * borders are smaller (DeepSeek's README_WEIGHTS.md). value = decode(code) * scale, one f32 product.
 */
import { FormatError } from "@ds3/errors";
import { dequantizeBlocks, formatFacts, scalesShape } from "@ds3/fp8-codec";
import { bf16ToF32, f16ToF32, type SafetensorsTensor } from "@ds3/tensor/safetensors";
import type { WantedTensor } from "./check-strict.ts";

/** Tensors of a checkpoint by name, from one or several safetensors files. */
export type CheckpointTensors = ReadonlyMap<string, SafetensorsTensor>;

/** What is added to a weight's name for its scales. */
export const SCALES = "_scale_inv";
const { max: LARGEST_CODE } = formatFacts("e4m3fn");
const LARGEST_F32 = 2 ** 128 - 2 ** 104;

/** `wanted`, and behind each matrix that `tensors` has in FP8 its scales. */
export function withScales(wanted: readonly WantedTensor[], tensors: CheckpointTensors): WantedTensor[] {
  return wanted.flatMap((tensor) => {
    const { name, shape } = tensor;
    if (!isFp8Matrix(tensors.get(name))) return [tensor];
    return [tensor, { name: name + SCALES, shape: scalesShape(shape as [number, number], "block") }];
  });
}

/**
 * A tensor's values, those of FP8 weights with their scales. Names and shapes must have been checked.
 *
 * @throws FormatError for another element type, an FP8 vector, codes that are NaN, scales that are none.
 */
export function storedValues(name: string, tensors: CheckpointTensors): Float32Array {
  const tensor = tensors.get(name)!;
  const { dtype } = tensor;
  // `data` may be read from the file at each access.
  if (dtype === "F32") return tensor.data as Float32Array;
  if (dtype === "BF16") return bf16ToF32(tensor.data as Uint16Array);
  if (dtype === "F16") return f16ToF32(tensor.data as Uint16Array);
  if (isFp8Matrix(tensor)) return dequantized(name, tensor, tensors.get(name + SCALES)!);
  const hint = dtype.startsWith("F8")
    ? "FP8 is read of matrices, in F8_E4M3 with their scales; convert the tensor to BF16."
    : "Convert it to F32, BF16 or F16.";
  throw refused(name, "F32, BF16 or F16", dtype, hint);
}

function isFp8Matrix(tensor: SafetensorsTensor | undefined): boolean {
  return tensor?.dtype === "F8_E4M3" && tensor.shape.length === 2;
}

function dequantized(name: string, weight: SafetensorsTensor, stored: SafetensorsTensor): Float32Array {
  const hint = "A block's scale is an f32 number; fetch the checkpoint again.";
  if (stored.dtype !== "F32") throw refused(name + SCALES, "F32", stored.dtype, hint);
  const [codes, scales] = [weight.data as Uint8Array, stored.data as Float32Array];
  // NaN fails every comparison, so it is found too.
  const wrong = scales.findIndex((scale) => !(scale >= 0 && scale * LARGEST_CODE <= LARGEST_F32));
  if (wrong >= 0) {
    const expected = "a number >= 0 that leaves 448 times itself finite";
    throw refused(name + SCALES + at(wrong, stored.shape), expected, `${scales[wrong]}`, hint);
  }
  const nan = codes.findIndex((code) => (code & 0x7f) === 0x7f);
  if (nan >= 0) {
    const expected = "codes of numbers";
    throw refused(name + at(nan, weight.shape), expected, `0x${codes[nan]!.toString(16)}, NaN`, "Fetch it again.");
  }
  return dequantizeBlocks(codes, scales, weight.shape as [number, number]);
}

function at(flat: number, [, columns = 1]: readonly number[]): string {
  return `[${Math.floor(flat / columns)}, ${flat % columns}]`;
}

function refused(operand: string, expected: string, actual: string, hint: string): FormatError {
  return new FormatError({ op: "loadCheckpoint", operand, expected, actual, hint });
}
