import { ShapeError } from "@ds3/errors";
import { dims, fusedMatvec, type Gpu, packTensors, type RowNorm, type Tensor, teamOf } from "@ds3/tensor";
import { type ActiveSequences, assertRows } from "./cache-rows.ts";
import { decodeAttentionWgsl, MAX_PRIVATE } from "./decode-attention.wgsl.ts";
import type { DecodeHeadParams, decodeHeadUniforms } from "./decode-head.wgsl.ts";
import { decodeHeadsWgsl } from "./decode-heads.wgsl.ts";
import { assertRoom, type LatentCache } from "./latent-cache.ts";
import { LATENT_EPS, type MlaParameters } from "./mla.ts";
import { ropeTable, softmaxScale } from "./rope-table.ts";
import type { MlaConfig } from "./types.ts";

/** One new token for each active sequence, with its place and its angles on the GPU: one upload serves all layers. */
export interface DecodeStep extends ActiveSequences {
  /** f32 [A, 2 + R]: tokens held, cache row, then R / 2 cosines and R / 2 sines of the new token's position. */
  readonly table: Tensor;
}

/** Whether `mlaDecodeStep` can do a config: all its sizes but the number of heads are multiples of 4. */
export function canMlaDecodeStep(config: MlaConfig): boolean {
  const { hiddenSize, qLoraRank, kvLoraRank, qkNopeHeadDim, qkRopeHeadDim, vHeadDim, numAttentionHeads } = config;
  const sizes = [hiddenSize, qLoraRank ?? 4, kvLoraRank, qkRopeHeadDim, qkNopeHeadDim, vHeadDim * numAttentionHeads];
  return sizes.every((size) => size > 0 && size % 4 === 0);
}

/**
 * Uploads where a step's tokens stand; positions are the numbers of tokens held, angles are computed in double.
 * @throws ShapeError, OutOfRangeError as `cacheRows`.
 */
export function uploadDecodeStep(gpu: Gpu, config: MlaConfig, { sequences, filled }: ActiveSequences): DecodeStep {
  assertRows("uploadDecodeStep", { sequences, filled });
  const R = config.qkRopeHeadDim;
  const { cos, sin } = ropeTable(config, filled);
  const host = new Float32Array(sequences.length * (2 + R));
  for (const [a, row] of sequences.entries()) {
    const at = a * (2 + R);
    host[at] = filled[a]!;
    host[at + 1] = row;
    host.set(cos.subarray((a * R) / 2, ((a + 1) * R) / 2), at + 2);
    host.set(sin.subarray((a * R) / 2, ((a + 1) * R) / 2), at + 2 + R / 2);
  }
  return { sequences, filled, table: gpu.tensor(host, [sequences.length, 2 + R], "f32", "decode step") };
}

/**
 * x + attention(norm x) of one new token a sequence in three dispatches, or one on software adapters, for few sequences: x [A, hiddenSize] ->
 * [A, hiddenSize]. Puts each token's entry into its cache row first; equals `mlaDecode` with the norm before and the
 * residual after it (tested). Weights are read once a sequence, so `mlaDecode` is faster for many. Not differentiable.
 * @throws ShapeError unless x has a row for each sequence, norm and cache fit and `canMlaDecodeStep(config)`; OutOfRangeError as `appendLatents`.
 */
export function mlaDecodeStep(
  x: Tensor,
  config: MlaConfig,
  parameters: MlaParameters,
  norm: RowNorm,
  cache: LatentCache,
  step: DecodeStep,
): Tensor {
  assertStep(x, config, norm, cache, step);
  assertRoom("mlaDecodeStep", cache, step, 1);
  const weights = packedWeights(x, config, parameters, norm);
  if (weights) return decodeInOne(x, config, weights, norm.eps, cache, step);
  const down = fusedMatvec(x, parameters.qkvA, { norm });
  return fusedMatvec(decodeHeads(down, config, parameters, cache, step), parameters.o, { residual: x });
}

type PackedWeights = NonNullable<ReturnType<typeof packTensors>>;

/** The layer's weights as one operand where one team should compute all of it: on software adapters, if it is small. */
function packedWeights(
  { gpu }: Tensor,
  { numAttentionHeads, vHeadDim }: MlaConfig,
  { qkvA, qNorm, qB, kvNorm, kvB, o }: MlaParameters,
  { gain }: RowNorm,
): PackedWeights | undefined {
  const isSmall = qkvA.shape[0]! + numAttentionHeads * vHeadDim <= MAX_PRIVATE;
  if (!gpu.target.software || !isSmall) return undefined;
  return packTensors({ gain, qkvA, ...(qNorm && qB ? { qNorm, qB } : {}), kvNorm, kvB, o });
}

function decodeInOne(
  x: Tensor,
  config: MlaConfig,
  { tensor, offsets }: PackedWeights,
  eps: number,
  { entries, capacity }: LatentCache,
  { sequences, table }: DecodeStep,
): Tensor {
  const { gpu } = x;
  const { numAttentionHeads: N, vHeadDim, hiddenSize: D } = config;
  const [A, headsWidth] = [sequences.length, N * vHeadDim];
  const y = gpu.empty([A, D], "f32", "decoded attention");
  const downWidth = queryWidth(config) + config.kvLoraRank + config.qkRopeHeadDim;
  const kernel = decodeAttentionWgsl({ ...headParams(gpu, config), downWidth, headsWidth });
  const uniforms = { ...headUniforms(config, capacity), N, D4: D / 4, downWidth, headsWidth4: headsWidth / 4, eps };
  gpu.dispatch(kernel, { x, weights: tensor, step: table, entries, y }, { ...uniforms, qNorm: 0, qB: 0, ...offsets }, [
    A,
  ]);
  return y;
}

function decodeHeads(
  down: Tensor,
  config: MlaConfig,
  { qNorm, qB, kvNorm, kvB }: MlaParameters,
  { entries, capacity }: LatentCache,
  { sequences, table }: DecodeStep,
): Tensor {
  const { gpu } = down;
  const { numAttentionHeads: N, vHeadDim } = config;
  const out = gpu.empty([sequences.length, N * vHeadDim], "f32", "decoded heads");
  const operands = { down, ...(qNorm && qB ? { qNorm, qB } : {}), kvNorm, kvB, step: table, entries, out };
  const uniforms = { N, ...headUniforms(config, capacity) };
  gpu.dispatch(decodeHeadsWgsl(headParams(gpu, config)), operands, uniforms, [N, sequences.length]);
  return out;
}

function headParams(gpu: Gpu, config: MlaConfig): DecodeHeadParams {
  const { qLoraRank, kvLoraRank: C, qkRopeHeadDim: R, qkNopeHeadDim: nope } = config;
  return { team: teamOf(gpu.target), projected: qLoraRank !== null, nope, R, C };
}

function headUniforms(config: MlaConfig, capacity: number): Readonly<Record<keyof typeof decodeHeadUniforms, number>> {
  const { qkNopeHeadDim: nope, qkRopeHeadDim, vHeadDim: value, qLoraRank } = config;
  const sizes = { capacity, Q4: (qLoraRank ?? 0) / 4, query: nope + qkRopeHeadDim, nope, value };
  return { ...sizes, scale: softmaxScale(config), latentEps: LATENT_EPS };
}

function queryWidth({ qLoraRank, numAttentionHeads, qkNopeHeadDim, qkRopeHeadDim }: MlaConfig): number {
  return qLoraRank ?? numAttentionHeads * (qkNopeHeadDim + qkRopeHeadDim);
}

function assertStep(
  x: Tensor,
  config: MlaConfig,
  { gain }: RowNorm,
  { entries, batch, capacity }: LatentCache,
  { sequences }: DecodeStep,
): void {
  const op = "mlaDecodeStep";
  const { hiddenSize, kvLoraRank, qkRopeHeadDim } = config;
  if (!canMlaDecodeStep(config)) {
    throw new ShapeError({
      ...{ op, operand: "config", expected: "sizes that are multiples of 4" },
      actual: `hiddenSize ${hiddenSize}, kvLoraRank ${kvLoraRank}, qkRopeHeadDim ${qkRopeHeadDim}`,
      hint: "Use mlaDecode, which takes any sizes.",
    });
  }
  if (`${x.shape}` !== `${[sequences.length, hiddenSize]}`) {
    const expected = `[${sequences.length}, ${hiddenSize}], a row a sequence`;
    throw new ShapeError({ op, operand: "x", expected, actual: `[${x.shape.join(", ")}]` });
  }
  dims(op, { x: "A D", "norm.gain": "D" }, { x, "norm.gain": gain });
  const width = kvLoraRank + qkRopeHeadDim;
  dims(op, { "cache.entries": `${batch} ${capacity} ${width}` }, { "cache.entries": entries });
}
