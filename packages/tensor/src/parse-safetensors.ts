import { type SafetensorsData, type SafetensorsDtype, viewAs } from "./safetensors-dtypes.ts";
import { parseSafetensorsHeader } from "./safetensors-header.ts";

/** A tensor read from a safetensors file. */
export interface SafetensorsTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** The stored bytes, little-endian: a view of the file's bytes. */
  readonly bytes: Uint8Array;
  /** The elements; F16, BF16 and the 8-bit floats as bit patterns. A copy only where the file misaligns them. */
  readonly data: SafetensorsData;
}

/**
 * Read a whole safetensors file: name to tensor, in the order of the data, without copying aligned tensors.
 *
 * Strict: the header must be well-formed and the tensors must tile the data section exactly.
 * @throws FormatError naming the tensor and its byte offsets, for torn, truncated or damaged files.
 */
export function parseSafetensors(bytes: Uint8Array): Map<string, SafetensorsTensor> {
  const { entries, dataStart } = parseSafetensorsHeader(bytes);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const stored = bytes.subarray(dataStart + begin, dataStart + end);
    tensors.set(name, { dtype, shape, bytes: stored, data: viewAs(dtype, stored) });
  }
  return tensors;
}
