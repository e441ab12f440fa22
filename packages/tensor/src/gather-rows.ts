import { DtypeError } from "@ds3/errors";
import { dims } from "./dims.ts";
import { describe } from "./dtype.ts";
import { embeddingWgsl } from "./embedding.wgsl.ts";
import { assertDtype } from "./gpu.ts";
import { cachedTemplate } from "./kernel.ts";
import { dispatchRows, lanesOf } from "./row-kernel.ts";
import type { Tensor } from "./tensor.ts";

const kernelOf = cachedTemplate(embeddingWgsl);

/**
 * Rows of table [V, D] f32 by ids that are on the GPU, u32 or i32 [T], as `sampleRows` draws them: [T, D]. The host never
 * waits for them. Not differentiable; `embedding` is, with ids of the host. Ids must be below V: they cannot be checked
 * here, and what another one gives is undefined.
 * @throws ShapeError, DtypeError
 */
export function gatherRows(table: Tensor, ids: Tensor): Tensor {
  const { T, D } = dims("gatherRows", { table: "V D", ids: "T" }, { table, ids });
  assertDtype("gatherRows", "table", table, "f32");
  if (ids.dtype !== "u32" && ids.dtype !== "i32") {
    const actual = describe(ids.shape, ids.dtype);
    throw new DtypeError({ op: "gatherRows", operand: "ids", expected: "u32 or i32", actual });
  }
  const { gpu } = table;
  const y = gpu.empty([T, D], "f32", "gathered rows");
  const kernel = kernelOf({ lanes: lanesOf(gpu.target) });
  dispatchRows(gpu, kernel, { weight: table, table: ids, y }, { D }, { rows: T, columns: D });
  return y;
}
