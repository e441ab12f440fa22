/*
 * Embedding lookup and its gradient. Several positions may hold one id, so the gradient's sum needs an order: the host,
 * where the ids come from, sorts the positions by id, and one team adds the rows of each distinct id in that order. No
 * atomics, the same bits in every run, and only rows that occur are touched.
 */
import { ShapeError } from "@ds3/errors";
import { sizeOf } from "./dtype.ts";
import { embeddingGradientWgsl, embeddingWgsl } from "./embedding.wgsl.ts";
import { assertDtype } from "./gpu.ts";
import { groupById } from "./group-by-id.ts";
import { assertIds } from "./host-ids.ts";
import { cachedTemplate } from "./kernel.ts";
import { dispatchRows, lanesOf } from "./row-kernel.ts";
import { record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

const forwardKernel = cachedTemplate(embeddingWgsl);
const gradientKernel = cachedTemplate(embeddingGradientWgsl);

/**
 * Rows of weight [V, D] f32 by id: returns [...shape, D]. `shape` (default [ids.length]) has as many elements as ids.
 *
 * @throws OutOfRangeError that names position, id and V; ShapeError; DtypeError
 */
export function embedding(weight: Tensor, ids: Int32Array, shape: readonly number[] = [ids.length]): Tensor {
  const [V, D] = checkOperands(weight, ids, shape);
  assertIds(ids, { op: "embedding", operand: "ids", limit: V, limitName: "V" });
  const { gpu } = weight;
  const lanes = lanesOf(gpu.target);
  const T = ids.length;
  const needsGradient = gpu.activeTape?.tracks(weight) ?? false;
  const groups = needsGradient ? groupById(ids) : undefined;
  const table = gpu.tensor(groups?.table ?? ids, undefined, "i32", "embedding ids");
  const y = gpu.empty([...shape, D], "f32", "embedding");
  dispatchRows(gpu, forwardKernel({ lanes }), { weight, table, y }, { D }, { rows: T, columns: D });
  if (!groups) return y;
  const extent = { rows: groups.distinct, columns: D };
  record(gpu, {
    label: "embedding",
    inputs: [weight],
    outputs: [y],
    saved: [table],
    backward: ([dy], sink) =>
      sink.into(weight, (dweight, accumulate) => {
        if (!accumulate) gpu.clear(dweight);
        dispatchRows(gpu, gradientKernel({ lanes }), { dy: dy!, table, dweight }, { T, D }, extent);
      }),
  });
  return y;
}

function checkOperands(weight: Tensor, ids: Int32Array, shape: readonly number[]): readonly [V: number, D: number] {
  assertDtype("embedding", "weight", weight, "f32");
  if (weight.shape.length !== 2) {
    const actual = `[${weight.shape.join(", ")}]`;
    throw new ShapeError({ op: "embedding", operand: "weight", expected: "[V, D]", actual });
  }
  if (sizeOf(shape) !== ids.length) {
    const expected = `a shape of ${ids.length} elements, the number of ids`;
    throw new ShapeError({ op: "embedding", operand: "shape", expected, actual: `[${shape.join(", ")}]` });
  }
  return weight.shape as readonly [number, number];
}
