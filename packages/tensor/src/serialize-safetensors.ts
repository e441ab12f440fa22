import { DtypeError, FormatError, ShapeError } from "@ds3/errors";
import {
  bytesPerElement,
  isSafetensorsDtype,
  SAFETENSORS_DTYPES,
  type SafetensorsDtype,
} from "./safetensors-dtypes.ts";

/** A tensor to write: its elements' bytes must be what dtype and shape say. */
export interface SafetensorsInput {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

/** A file about to be written: header bytes first, then the data of `order`, one after the other, without gaps. */
export interface SafetensorsLayout {
  readonly header: Uint8Array;
  readonly order: readonly SafetensorsInput[];
}

/**
 * Lay out a safetensors file without building it, for writers that stream: widest element type first, then by name, and
 * the header padded with spaces to whole 8 bytes, so that every tensor is aligned. The same tensors give the same bytes.
 *
 * @throws FormatError for a name that occurs twice or is reserved, ShapeError when the data is not as long as dtype and
 * shape say, DtypeError for an unknown dtype.
 */
export function layoutSafetensors(
  tensors: Iterable<SafetensorsInput>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): SafetensorsLayout {
  const order = [...tensors].sort(byAlignmentThenName);
  const fields = [`"__metadata__":${JSON.stringify(metadata)}`];
  const names = new Set(["__metadata__"]);
  let begin = 0;
  for (const tensor of order) {
    checkTensor(tensor, names);
    const end = begin + tensor.data.byteLength;
    const entry = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [begin, end] };
    fields.push(`${JSON.stringify(tensor.name)}:${JSON.stringify(entry)}`);
    begin = end;
  }
  return { header: encodeHeader(`{${fields.join(",")}}`), order };
}

/** Build a safetensors file in memory. See {@link layoutSafetensors} for its order and errors. */
export function serializeSafetensors(
  tensors: Iterable<SafetensorsInput>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const { header, order } = layoutSafetensors(tensors, metadata);
  const file = new Uint8Array(order.reduce((sum, { data }) => sum + data.byteLength, header.byteLength));
  file.set(header);
  let at = header.byteLength;
  for (const { data } of order) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

function byAlignmentThenName(a: SafetensorsInput, b: SafetensorsInput): number {
  return alignment(b) - alignment(a) || (a.name < b.name ? -1 : 1);
}

function alignment({ dtype }: SafetensorsInput): number {
  return isSafetensorsDtype(dtype) ? bytesPerElement(dtype) : 0;
}

function checkTensor({ name, dtype, shape, data }: SafetensorsInput, names: Set<string>): void {
  const op = "serializeSafetensors";
  if (names.has(name)) {
    throw new FormatError({ op, operand: `"${name}"`, expected: "a name of its own", actual: "one that is taken" });
  }
  names.add(name);
  if (!isSafetensorsDtype(dtype)) {
    throw new DtypeError({ op, operand: `"${name}"`, expected: SAFETENSORS_DTYPES.join(", "), actual: `${dtype}` });
  }
  const bytes = shape.reduce((a, b) => a * b, 1) * bytesPerElement(dtype);
  if (data.byteLength !== bytes) {
    const expected = `${bytes} bytes for ${dtype} [${shape}]`;
    throw new ShapeError({ op, operand: `"${name}"`, expected, actual: `${data.byteLength} bytes` });
  }
}

function encodeHeader(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.byteLength / 8) * 8;
  const header = new Uint8Array(8 + padded).fill(0x20, 8);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(text, 8);
  return header;
}
