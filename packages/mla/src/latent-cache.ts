import { OutOfRangeError, ShapeError } from "@ds3/errors";
import {
  cachedTemplate,
  defineKernel,
  flatGrid,
  type Gpu,
  type Kernel,
  matmul,
  type RotaryAngles,
  type Tensor,
  teamOf,
} from "@ds3/tensor";
import { absorbedAttentionWgsl, MAX_LATENT_PER_LANE } from "./absorbed-attention.wgsl.ts";
import { type Linear, type MlaParameters, project } from "./mla.ts";
import { softmaxScale } from "./rope-table.ts";
import type { MlaConfig } from "./types.ts";

/**
 * What one layer keeps of the tokens so far: kvLoraRank + qkRopeHeadDim numbers a token, for all heads together
 * (report, section 2.1.1). Mutable on purpose: `appendLatents` and `mlaDecode` write into it.
 */
export interface LatentCache {
  /** [B, capacity, kvLoraRank] */
  readonly latents: Tensor;
  /** [B, capacity, qkRopeHeadDim] */
  readonly ropeKeys: Tensor;
  readonly batch: number;
  readonly capacity: number;
}

/** An empty cache for `batch` sequences of at most `capacity` tokens. */
export function createLatentCache(gpu: Gpu, config: MlaConfig, batch: number, capacity: number): LatentCache {
  return {
    latents: gpu.zeros([batch, capacity, config.kvLoraRank]),
    ropeKeys: gpu.zeros([batch, capacity, config.qkRopeHeadDim]),
    batch,
    capacity,
  };
}

/** Copies rows of [B, T, width] to rows first .. first + T - 1 of a cache [B, S, width]. */
const appendWgsl: (lanes: number) => Kernel = cachedTemplate((lanes) =>
  defineKernel({
    label: `appendCache lanes=${lanes}`,
    uniforms: { rows: "u32", T: "u32", S: "u32", first: "u32", width: "u32" },
    reads: { source: "f32" },
    writes: { cache: "f32" },
    body: `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x + group.y * groups.x;
  if (row >= u.rows) { return; }
  let b = row / u.T;
  let target_row = b * u.S + u.first + row % u.T;
  for (var i = lane; i < u.width; i += ${lanes}u) { cache[target_row * u.width + i] = source[row * u.width + i]; }
}`,
  }),
);

/**
 * Writes latent [B x T, C] and ropeKey [B x T, R] of T new tokens behind the first `filled` ones.
 * @throws OutOfRangeError when the cache is full; ShapeError when the rows are not a multiple of the batch.
 */
export function appendLatents(
  cache: LatentCache,
  { latent, ropeKey }: { readonly latent: Tensor; readonly ropeKey: Tensor },
  filled: number,
): void {
  const rows = latent.shape[0]!;
  const T = rows / cache.batch;
  if (!Number.isInteger(T)) {
    throw new ShapeError({
      op: "appendLatents",
      operand: "latent",
      expected: `a multiple of ${cache.batch} rows`,
      actual: `${rows}`,
    });
  }
  if (filled + T > cache.capacity) {
    throw new OutOfRangeError({
      op: "appendLatents",
      operand: "cache",
      expected: `at most ${cache.capacity} tokens`,
      actual: `${filled + T}`,
      hint: "Create the cache with a larger capacity, or shorten the prompt.",
    });
  }
  const { gpu } = cache.latents;
  const lanes = teamOf(gpu.target).size;
  for (const [source, target] of [
    [latent, cache.latents],
    [ropeKey, cache.ropeKeys],
  ] as const) {
    const uniforms = { rows, T, S: cache.capacity, first: filled, width: source.shape[1]! };
    gpu.dispatch(appendWgsl(lanes), { source, cache: target }, uniforms, flatGrid(rows, 1));
  }
}

/**
 * One new token a sequence against the cache, with the up-projections absorbed into query and output: no key or value
 * is expanded. x [B, hiddenSize] -> [B, hiddenSize]; appends the token at index `filled` first. Not differentiable.
 *
 * Equal to the last row of `mla` over the whole sequence (tested). The rotation's positions have B rows.
 */
export function mlaDecode(
  x: Tensor,
  config: MlaConfig,
  parameters: MlaParameters,
  rotation: RotaryAngles,
  cache: LatentCache,
  filled: number,
  linear: Linear = (input, weight) => matmul(input, weight, { layout: "nt" }),
): Tensor {
  const { q, latent, ropeKey } = project(x, config, parameters, rotation, linear);
  appendLatents(cache, { latent, ropeKey }, filled);
  return linear(absorbedAttention(q, config, parameters.kvB, cache, filled + 1), parameters.o);
}

function absorbedAttention(
  q: Tensor,
  config: MlaConfig,
  kvB: Tensor,
  { latents, ropeKeys, batch, capacity }: LatentCache,
  length: number,
): Tensor {
  const { gpu } = q;
  const { numAttentionHeads: N, kvLoraRank: C, qkRopeHeadDim: R, qkNopeHeadDim: nope, vHeadDim: value } = config;
  const team = teamOf(gpu.target);
  if (C > team.size * MAX_LATENT_PER_LANE) {
    const expected = `at most ${team.size * MAX_LATENT_PER_LANE}`;
    throw new OutOfRangeError({ op: "mlaDecode", operand: "kvLoraRank", expected, actual: `${C}` });
  }
  const out = gpu.empty([batch, N * value], "f32", "absorbed attention");
  const uniforms = { B: batch, N, S: capacity, length, C, R, nope, value, scale: softmaxScale(config) };
  gpu.dispatch(absorbedAttentionWgsl(team), { q, kvB, latents, ropeKeys, out }, uniforms, [N, batch]);
  return out;
}
