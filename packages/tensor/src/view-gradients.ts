import { bytesOf } from "./dtype.ts";
import { record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/** A reshape's gradient is the same memory with the input's shape. */
export function recordReshape(input: Tensor, view: Tensor): void {
  record(input.gpu, {
    label: "reshape",
    inputs: [input],
    outputs: [view],
    saved: [],
    backward: ([gradient], sink) => sink.add(input, gradient!.reshape(input.shape)),
  });
}

/** A slice's gradient is zero outside its rows. */
export function recordSlice(input: Tensor, view: Tensor, fromRow: number): void {
  record(input.gpu, {
    label: "slice",
    inputs: [input],
    outputs: [view],
    saved: [],
    backward: ([gradient], sink) => {
      const padded = input.gpu.zeros(input.shape);
      input.gpu.copy(gradient!, padded, bytesOf([fromRow, ...input.shape.slice(1)], "f32"));
      sink.add(input, padded);
    },
  });
}
