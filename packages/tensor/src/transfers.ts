/** What moves bytes without a kernel: uploads, copies and read-backs. */
import { OutOfRangeError, ShapeError, StateError } from "@ds3/errors";
import { rangeOf } from "./bind-operands.ts";
import type { DeviceState } from "./device-state.ts";
import { bytesOf, type Dtype, describe, type HostArrays, isHalf, sizeOf } from "./dtype.ts";
import type { Tensor } from "./tensor.ts";

/** Host data that `gpu.tensor` takes. */
export type HostData = ArrayLike<number>;

const ARRAYS = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, f16: Uint16Array, bf16: Uint16Array };

/** Uploads `data`, converted to the tensor's dtype. Halves are given as bits, rows padded to an even length. */
export function upload({ stream }: DeviceState, tensor: Tensor, data: HostData): void {
  assertLength(data.length, tensor.shape, tensor.dtype);
  if (data.length > 0) stream.write(rangeOf(tensor), toHostArray(data, tensor.dtype));
}

/** Refuses host data of another size than the tensor's, padding included. */
export function assertLength(length: number, shape: readonly number[], dtype: Dtype): void {
  const expected = isHalf(dtype) ? bytesOf(shape, dtype) / 2 : sizeOf(shape);
  if (length === expected) return;
  throw new ShapeError({
    op: "tensor",
    operand: "data",
    expected: `${expected} values for ${describe(shape, dtype)}`,
    actual: `${length}`,
  });
}

/** Copies the bytes of `source` to a byte offset of `target`. */
export function copyBytes({ stream }: DeviceState, source: Tensor, target: Tensor, byteOffset: number): void {
  if (!(byteOffset >= 0 && byteOffset % 4 === 0 && byteOffset + source.bytes <= target.bytes)) {
    throw new OutOfRangeError({
      op: "copy",
      operand: "byteOffset",
      expected: `a multiple of 4 with room for ${source} in ${target}`,
      actual: `${byteOffset}`,
    });
  }
  if (source.size === 0) return;
  if (source.storage === target.storage) {
    throw new StateError({ op: "copy", operand: "target", expected: "a buffer of its own", actual: "source's buffer" });
  }
  stream.copy(rangeOf(source), { ...rangeOf(target), offset: target.byteOffset + byteOffset });
}

/** Submits pending commands and waits for the tensor's content. */
export async function readBack(state: DeviceState, tensor: Tensor): Promise<HostArrays[Dtype]> {
  if (state.stream.isRehearsing) throw readInRehearsal(tensor);
  if (tensor.bytes === 0) return hostView(new ArrayBuffer(0), tensor.dtype);
  const range = rangeOf(tensor);
  const staging = state.staging.acquire(range.bytes);
  state.stream.stage(range, staging);
  const data = await state.staging.read(staging, range.bytes, (done) => state.wait(done));
  return hostView(data, tensor.dtype);
}

function readInRehearsal(tensor: Tensor): StateError {
  return new StateError({
    op: "read",
    operand: `${tensor}`,
    expected: "a tensor that is computed",
    actual: "one in a rehearsal, where commands are left out",
    hint: "Read behind gpu.rehearse, or ask gpu.isRehearsing first.",
  });
}

function toHostArray(data: HostData, dtype: Dtype): HostArrays[Dtype] {
  const type = ARRAYS[dtype];
  if (data instanceof type && data.buffer instanceof ArrayBuffer) return data as HostArrays[Dtype];
  return type.from(data) as HostArrays[Dtype];
}

function hostView(buffer: ArrayBuffer, dtype: Dtype): HostArrays[Dtype] {
  return new ARRAYS[dtype](buffer) as HostArrays[Dtype];
}
