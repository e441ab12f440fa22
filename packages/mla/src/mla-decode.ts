import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { matmul, type RotaryAngles, type Tensor, teamOf } from "@ds3/tensor";
import { absorbedAttentionWgsl, MAX_LATENT_PER_LANE } from "./absorbed-attention.wgsl.ts";
import type { CacheRows } from "./cache-rows.ts";
import { appendLatents, type LatentCache } from "./latent-cache.ts";
import { type Linear, type MlaParameters, project } from "./mla.ts";
import { softmaxScale } from "./rope-table.ts";
import type { MlaConfig } from "./types.ts";

/**
 * One new token for each active sequence against the cache, with the up-projections absorbed into query and output: no
 * key or value is expanded. x [A, hiddenSize] -> [A, hiddenSize]; first appends each token behind those that its row
 * holds. Other rows of the cache are neither read nor written. Not differentiable.
 *
 * Equal to the last row of `mla` over each whole sequence (tested). The rotation's positions have A rows; those of
 * `rows.positions` are right where a sequence starts at the tables' first row.
 * @throws ShapeError unless x has a row for each sequence; OutOfRangeError as `appendLatents`, or when kvLoraRank is
 * more than a team can hold.
 */
export function mlaDecode(
  x: Tensor,
  config: MlaConfig,
  parameters: MlaParameters,
  rotation: RotaryAngles,
  cache: LatentCache,
  rows: CacheRows,
  linear: Linear = (input, weight) => matmul(input, weight, { layout: "nt" }),
): Tensor {
  const A = rows.sequences.length;
  if (x.shape[0] !== A) {
    const expected = `${A} rows, one a sequence`;
    throw new ShapeError({ op: "mlaDecode", operand: "x", expected, actual: `${x.shape[0]}` });
  }
  const { q, latent, ropeKey } = project(x, config, parameters, rotation, linear);
  appendLatents(cache, { latent, ropeKey }, rows);
  return linear(absorbedAttention(q, config, parameters.kvB, cache, rows), parameters.o, "o");
}

function absorbedAttention(
  q: Tensor,
  config: MlaConfig,
  kvB: Tensor,
  { entries, capacity }: LatentCache,
  { sequences, table }: CacheRows,
): Tensor {
  const { gpu } = q;
  const { numAttentionHeads: N, kvLoraRank: C, qkRopeHeadDim: R, qkNopeHeadDim: nope, vHeadDim: value } = config;
  const A = sequences.length;
  const team = teamOf(gpu.target);
  if (C > team.size * MAX_LATENT_PER_LANE) {
    const expected = `at most ${team.size * MAX_LATENT_PER_LANE}`;
    throw new OutOfRangeError({ op: "mlaDecode", operand: "kvLoraRank", expected, actual: `${C}` });
  }
  const out = gpu.empty([A, N * value], "f32", "absorbed attention");
  const uniforms = { A, N, capacity, C, R, nope, value, scale: softmaxScale(config) };
  gpu.dispatch(absorbedAttentionWgsl(team), { q, kvB, entries, table, out }, uniforms, [N, A]);
  return out;
}
