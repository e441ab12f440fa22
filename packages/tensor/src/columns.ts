import { ShapeError } from "@ds3/errors";
import { type ColumnsParams, concatColumnsWgsl, MAX_PARTS, splitColumnsWgsl } from "./columns.wgsl.ts";
import { assertDtype } from "./gpu.ts";
import { cachedTemplate, type Kernel } from "./kernel.ts";
import { dispatchRows, lanesOf, rowsOf } from "./row-kernel.ts";
import { record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

const splitKernel = cachedTemplate(splitColumnsWgsl);
const concatKernel = cachedTemplate(concatColumnsWgsl);

/** A part with the column of the whole where it starts. */
interface Placed {
  readonly part: Tensor;
  readonly offset: number;
}

/**
 * Cuts the last axis: x [..., C] into tensors [..., sizes[0]], [..., sizes[1]], ... One dispatch for up to 7 parts.
 *
 * @throws ShapeError when the sizes are not integers >= 0 that add up to C; DtypeError for anything but f32.
 */
export function splitColumns(x: Tensor, sizes: readonly number[]): Tensor[] {
  assertDtype("splitColumns", "x", x, "f32");
  assertSizes(x, sizes);
  const { gpu } = x;
  const lead = x.shape.slice(0, -1);
  const placed = place(sizes.map((size) => gpu.empty([...lead, size], "f32", "splitColumns")));
  copyOut(x, placed);
  record(gpu, {
    label: "splitColumns",
    inputs: [x],
    outputs: placed.map(({ part }) => part),
    saved: [],
    backward: (gradients, sink) => {
      const arrived = placed.flatMap(({ offset }, i) => (gradients[i] ? [{ part: gradients[i], offset }] : []));
      sink.into(x, (target, accumulate) => {
        if (!accumulate && arrived.length < placed.length) gpu.clear(target);
        copyIn(target, arrived, accumulate);
      });
    },
  });
  return placed.map(({ part }) => part);
}

/**
 * Joins tensors [..., C_p] of equal leading axes along the last one, to [..., sum of C_p]. One dispatch for up to 7.
 *
 * @throws ShapeError when there is none, or when leading axes differ; DtypeError for anything but f32.
 */
export function concatColumns(tensors: readonly Tensor[]): Tensor {
  const lead = assertSameLead(tensors);
  const { gpu } = tensors[0]!;
  const placed = place(tensors);
  const columns = tensors.reduce((sum, { shape }) => sum + shape.at(-1)!, 0);
  const whole = gpu.empty([...lead, columns], "f32", "concatColumns");
  copyIn(whole, placed, false);
  record(gpu, {
    label: "concatColumns",
    inputs: tensors,
    outputs: [whole],
    saved: [],
    backward: ([gradient], sink) => {
      const wanted = placed.filter(({ part }) => sink.wants(part));
      const parts = wanted.map(({ part, offset }) => ({ part: gpu.empty(part.shape, "f32", "gradient"), offset }));
      copyOut(gradient!, parts);
      for (const [i, { part }] of wanted.entries()) sink.add(part, parts[i]!.part);
    },
  });
  return whole;
}

/** Columns of `whole` into the parts, which they overwrite. */
function copyOut(whole: Tensor, parts: readonly Placed[]): void {
  const lanes = lanesOf(whole.gpu.target);
  eachDispatch(whole, parts, (count) => splitKernel({ lanes, parts: count }));
}

/** Parts into their columns of `whole`; other columns stay. */
function copyIn(whole: Tensor, parts: readonly Placed[], accumulate: boolean): void {
  const lanes = lanesOf(whole.gpu.target);
  eachDispatch(whole, parts, (count) => concatKernel({ lanes, parts: count, accumulate }));
}

function eachDispatch(
  whole: Tensor,
  parts: readonly Placed[],
  kernel: (count: ColumnsParams["parts"]) => Kernel,
): void {
  const rows = rowsOf(whole.shape);
  const C = whole.shape.at(-1)!;
  for (let first = 0; first < parts.length; first += MAX_PARTS) {
    const some = parts.slice(first, first + MAX_PARTS);
    const operands = Object.fromEntries(some.map(({ part }, p) => [`part${p}`, part]));
    const sizes = some.flatMap(({ part, offset }, p) => [
      [`offset${p}`, offset],
      [`width${p}`, part.shape.at(-1)!],
    ]);
    const uniforms = { C, ...Object.fromEntries(sizes) };
    dispatchRows(whole.gpu, kernel(some.length), { whole, ...operands }, uniforms, { rows, columns: C });
  }
}

function place(parts: readonly Tensor[]): Placed[] {
  let next = 0;
  return parts.map((part) => {
    const offset = next;
    next += part.shape.at(-1)!;
    return { part, offset };
  });
}

function assertSizes(x: Tensor, sizes: readonly number[]): void {
  const C = x.shape.at(-1);
  const valid = sizes.every((size) => Number.isInteger(size) && size >= 0);
  if (C !== undefined && valid && sizes.reduce((a, b) => a + b, 0) === C) return;
  throw new ShapeError({
    op: "splitColumns",
    operand: "sizes",
    expected: `integers >= 0 that add up to the last axis of x [${x.shape.join(", ")}]`,
    actual: `[${sizes.join(", ")}]`,
  });
}

function assertSameLead(tensors: readonly Tensor[]): readonly number[] {
  for (const [i, tensor] of tensors.entries()) assertDtype("concatColumns", `tensors[${i}]`, tensor, "f32");
  const lead = tensors[0]?.shape.slice(0, -1);
  const misfit = tensors.findIndex(
    ({ shape }) => shape.length !== lead!.length + 1 || lead!.some((n, axis) => n !== shape[axis]),
  );
  if (lead && misfit < 0) return lead;
  throw new ShapeError({
    op: "concatColumns",
    operand: lead ? `tensors[${misfit}]` : "tensors",
    expected: lead ? `[${[...lead, "*"].join(", ")}], the leading axes of tensors[0]` : "at least one tensor",
    actual: lead ? `[${tensors[misfit]!.shape.join(", ")}]` : "none",
  });
}
