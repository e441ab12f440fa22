import { StateError } from "@ds3/errors";
import type { BufferRange } from "./command-stream.ts";
import type { DeviceState } from "./device-state.ts";
import { BindingLimitError } from "./errors.ts";
import type { Kernel } from "./kernel.ts";
import type { Tensor } from "./tensor.ts";

/**
 * The buffer ranges of a dispatch, in the order of the kernel's bindings, checked.
 *
 * `aligned` makes a copy of an input that starts off the device's binding alignment.
 * @throws StateError for a missing operand, a tensor of another device, an output off the alignment, and an output
 * that shares memory with another operand; BindingLimitError.
 */
export function bindOperands(
  state: DeviceState,
  kernel: Kernel,
  operands: Readonly<Record<string, Tensor>>,
  aligned: (tensor: Tensor) => Tensor,
): BufferRange[] {
  const ranges = kernel.bindings.map(({ name, access }) => {
    const tensor = operands[name];
    if (!tensor) throw refuse(kernel, name, "a tensor", "none");
    if (tensor.storage.pool !== state.pool) throw refuse(kernel, name, "a tensor of this device", "one of another gpu");
    if (tensor.byteOffset % state.offsetAlignment === 0) return rangeOf(tensor);
    if (access === "read") return rangeOf(aligned(tensor));
    throw refuse(kernel, name, `an output at a multiple of ${state.offsetAlignment} bytes`, `${tensor.byteOffset}`);
  });
  for (let i = 0; i < ranges.length; i++) checkRange(state, kernel, ranges, i);
  return ranges;
}

/** The bytes of a tensor. An empty one stands for the first word of its buffer: bindings cannot be empty. */
export function rangeOf(tensor: Tensor): BufferRange {
  const { bytes, byteOffset, storage } = tensor;
  return { pooled: storage.pooled, offset: bytes === 0 ? 0 : byteOffset, bytes: Math.max(4, bytes) };
}

function checkRange({ maxBindingBytes, adapter }: DeviceState, kernel: Kernel, ranges: BufferRange[], i: number): void {
  const range = ranges[i]!;
  const { name, access } = kernel.bindings[i]!;
  if (range.bytes > maxBindingBytes) {
    throw new BindingLimitError({
      op: kernel.label,
      operand: name,
      expected: `at most ${maxBindingBytes} bytes in one binding of ${adapter.name}`,
      actual: `${range.bytes}`,
      hint: "Split the tensor, or use a smaller batch or vocabulary.",
    });
  }
  if (access === "read") return;
  for (let j = 0; j < ranges.length; j++) {
    const other = ranges[j]!;
    if (j === i || other.pooled !== range.pooled) continue;
    if (kernel.bindings[j]!.access === "read" || overlap(range, other)) {
      throw refuse(kernel, name, "a buffer of its own", `the buffer of ${kernel.bindings[j]!.name}`);
    }
  }
}

function overlap(a: BufferRange, b: BufferRange): boolean {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

function refuse({ label }: Kernel, operand: string, expected: string, actual: string): StateError {
  return new StateError({ op: label, operand, expected, actual });
}
