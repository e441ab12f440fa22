import { ShapeError } from "@ds3/errors";
import { addScaledWgsl, mulWgsl, scaleWgsl } from "./arithmetic.wgsl.ts";
import { assertDtype } from "./gpu.ts";
import { cachedTemplate, type Kernel } from "./kernel.ts";
import { dispatchFlat, lanesOf, type MapParams, vectorWidth } from "./row-kernel.ts";
import { type GradientSink, record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

const addScaledKernel = cachedTemplate(addScaledWgsl);
const scaleKernel = cachedTemplate(scaleWgsl);
const mulKernel = cachedTemplate(mulWgsl);

/**
 * a + b, element by element. f32 of one shape, any rank.
 *
 * @throws ShapeError, DtypeError
 */
export function add(a: Tensor, b: Tensor): Tensor {
  return sum("add", a, b, 1);
}

/**
 * a + factor b in one dispatch. f32 of one shape, any rank.
 *
 * @throws ShapeError, DtypeError
 */
export function addScaled(a: Tensor, b: Tensor, factor: number): Tensor {
  return sum("addScaled", a, b, factor);
}

function sum(op: string, a: Tensor, b: Tensor, factor: number): Tensor {
  assertSame(op, a, b);
  const { gpu } = a;
  const out = gpu.empty(a.shape, "f32", op);
  map(addScaledKernel, { a, b, out }, { factor });
  record(gpu, {
    label: op,
    inputs: [a, b],
    outputs: [out],
    saved: [],
    backward: ([gradient], sink) => {
      sink.add(a, gradient!);
      if (factor === 1) sink.add(b, gradient!);
      else scaleInto(sink, b, gradient!, factor);
    },
  });
  return out;
}

/**
 * factor a. f32, any shape.
 *
 * @throws DtypeError
 */
export function scale(a: Tensor, factor: number): Tensor {
  assertDtype("scale", "a", a, "f32");
  const { gpu } = a;
  const out = gpu.empty(a.shape, "f32", "scale");
  map(scaleKernel, { a, out }, { factor });
  record(gpu, {
    label: "scale",
    inputs: [a],
    outputs: [out],
    saved: [],
    backward: ([gradient], sink) => scaleInto(sink, a, gradient!, factor),
  });
  return out;
}

/**
 * a b, element by element. f32 of one shape, any rank.
 *
 * @throws ShapeError, DtypeError
 */
export function mul(a: Tensor, b: Tensor): Tensor {
  assertSame("mul", a, b);
  const { gpu } = a;
  const out = gpu.empty(a.shape, "f32", "mul");
  map(mulKernel, { a, b, out }, {});
  record(gpu, {
    label: "mul",
    inputs: [a, b],
    outputs: [out],
    saved: [a, b],
    backward: ([gradient], sink) => {
      mulInto(sink, a, gradient!, b);
      mulInto(sink, b, gradient!, a);
    },
  });
  return out;
}

function scaleInto(sink: GradientSink, input: Tensor, gradient: Tensor, factor: number): void {
  sink.into(input, (out, accumulate) => map(scaleKernel, { a: gradient, out }, { factor }, accumulate));
}

function mulInto(sink: GradientSink, input: Tensor, gradient: Tensor, other: Tensor): void {
  sink.into(input, (out, accumulate) => map(mulKernel, { a: gradient, b: other, out }, {}, accumulate));
}

/** Encodes an element-wise kernel over tensors of one size, by vectors of four where that allows. */
function map(
  template: (params: MapParams) => Kernel,
  operands: Readonly<Record<string, Tensor>> & { readonly out: Tensor },
  uniforms: Readonly<Record<string, number>>,
  accumulate = false,
): void {
  const { gpu, size } = operands.out;
  const width = vectorWidth(size);
  const kernel = template({ lanes: lanesOf(gpu.target), vectors: width > 1, accumulate });
  dispatchFlat(gpu, kernel, operands, uniforms, size / width);
}

function assertSame(op: string, a: Tensor, b: Tensor): void {
  assertDtype(op, "a", a, "f32");
  assertDtype(op, "b", b, "f32");
  if (a.shape.length === b.shape.length && a.shape.every((n, i) => n === b.shape[i])) return;
  throw new ShapeError({
    op,
    operand: "b",
    expected: `[${a.shape.join(", ")}], the shape of a`,
    actual: `[${b.shape.join(", ")}]`,
    hint: "Shapes must be equal; there is no broadcasting.",
  });
}
