/** The typed array that holds a tensor's elements. 16-bit floats and 8-bit floats are kept as bit patterns. */
export type SafetensorsData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

interface ArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): SafetensorsData;
}

/** Name of an element type as a safetensors header writes it. */
export type SafetensorsDtype =
  | "BOOL"
  | "U8"
  | "I8"
  | "F8_E4M3"
  | "F8_E5M2"
  | "F8_E8M0"
  | "U16"
  | "I16"
  | "F16"
  | "BF16"
  | "U32"
  | "I32"
  | "F32"
  | "U64"
  | "I64"
  | "F64";

/** Element types of the safetensors format, each with the typed array of its elements. */
const ARRAY_TYPES: Readonly<Record<SafetensorsDtype, ArrayType>> = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  F8_E4M3: Uint8Array,
  F8_E5M2: Uint8Array,
  F8_E8M0: Uint8Array,
  U16: Uint16Array,
  I16: Int16Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  U32: Uint32Array,
  I32: Int32Array,
  F32: Float32Array,
  U64: BigUint64Array,
  I64: BigInt64Array,
  F64: Float64Array,
};

/** All element types that can be read and written. */
export const SAFETENSORS_DTYPES: readonly SafetensorsDtype[] = Object.keys(ARRAY_TYPES) as SafetensorsDtype[];

/** True when `name` is one of {@link SAFETENSORS_DTYPES}. */
export function isSafetensorsDtype(name: unknown): name is SafetensorsDtype {
  return typeof name === "string" && Object.hasOwn(ARRAY_TYPES, name);
}

/** Bytes of one element. */
export function bytesPerElement(dtype: SafetensorsDtype): number {
  return ARRAY_TYPES[dtype].BYTES_PER_ELEMENT;
}

/** A typed view of `bytes`: zero-copy when their offset suits the element size, else of an aligned copy. */
export function viewAs(dtype: SafetensorsDtype, bytes: Uint8Array): SafetensorsData {
  const type = ARRAY_TYPES[dtype];
  const size = type.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new type(aligned.buffer, aligned.byteOffset, bytes.byteLength / size);
}
