import { ShapeError } from "@ds3/errors";
import { dims, dotRowsPerGroup, fusedMatvec, packTensors, type RowNorm, type Tensor, teamOf } from "@ds3/tensor";
import { assertDtype } from "./assert-dtype.ts";
import type { MoeParameters } from "./create-moe.ts";
import { decodeDownWgsl, decodeGateUpWgsl } from "./decode-experts.wgsl.ts";
import { decodeFeedForwardWgsl } from "./decode-feed-forward.wgsl.ts";
import { decodeRouteWgsl } from "./decode-route.wgsl.ts";
import type { MlpParameters } from "./mlp.ts";
import type { MoeConfig } from "./types.ts";

/**
 * Numbers that a lane keeps in private memory at most. They bound the bytes that a workgroup needs, 32 for each number with
 * 8 lanes: 64 KiB, which should stay in the second cache.
 */
const MAX_PRIVATE = 2048;

/** Whether `moeDecodeStep` can do a config: its widths are multiples of 4. */
export function canMoeDecodeStep({ hiddenSize, moeIntermediateSize, nSharedExperts }: MoeConfig): boolean {
  return hiddenSize % 4 === 0 && moeIntermediateSize % 4 === 0 && nSharedExperts >= 0;
}

/**
 * x + moe(norm x) of few tokens in three dispatches, or one on software adapters: x [T, hiddenSize] -> [T, hiddenSize]. Equals the layer outside
 * training with the norm before and the residual after it (tested). Every chosen expert's weights are read once for each
 * token, so `createMoe`'s layer is faster for many tokens. Counts no loads. Not differentiable.
 * @throws ShapeError unless x and the norm fit and `canMoeDecodeStep(config)`; DtypeError.
 */
export function moeDecodeStep(x: Tensor, config: MoeConfig, parameters: MoeParameters, norm: RowNorm): Tensor {
  assertMoeStep(x, config, norm);
  const { gate, expertsGateUp, expertsDown, sharedGateUp, sharedDown } = parameters;
  const shared = sharedGateUp && sharedDown ? { sharedGateUp, sharedDown } : {};
  const packed = decodeInOne(x, { gain: norm.gain, gate, expertsGateUp, expertsDown, ...shared }, norm.eps, {
    ...{ F: config.moeIntermediateSize, Fs: config.nSharedExperts * config.moeIntermediateSize, config },
    bias: parameters.bias,
  });
  return packed ?? decodeInThree(x, config, parameters, norm);
}

/**
 * x + mlp(norm x) of few tokens, the network of dense layers: x [T, D], gateUp [2F, D], down [D, F] -> [T, D]. One dispatch
 * on software adapters if it is small, else two. Not differentiable.
 * @throws ShapeError unless the sizes fit and are positive multiples of 4; DtypeError.
 */
export function mlpDecodeStep(x: Tensor, { gateUp, down }: MlpParameters, norm: RowNorm): Tensor {
  const Fs = assertMlpStep(x, { gateUp, down }, norm);
  const packed = decodeInOne(x, { gain: norm.gain, sharedGateUp: gateUp, sharedDown: down }, norm.eps, { F: 0, Fs });
  return packed ?? fusedMatvec(fusedMatvec(x, gateUp, { norm, swiglu: true }), down, { residual: x });
}

function decodeInThree(x: Tensor, config: MoeConfig, parameters: MoeParameters, norm: RowNorm): Tensor {
  const { gpu } = x;
  const T = x.shape[0]!;
  const { hiddenSize: D, moeIntermediateSize: F, numExpertsPerTok: K, nSharedExperts } = config;
  const { expertsGateUp, expertsDown, sharedGateUp, sharedDown } = parameters;
  const shared = sharedGateUp !== undefined && sharedDown !== undefined;
  const Fs = nSharedExperts * F;
  const { normed, indices, weights } = chooseExperts(x, config, parameters, norm);
  const team = teamOf(gpu.target);
  const hidden = gpu.empty([T, K * F + Fs], "f32", "experts' hidden");
  const gateUpRows = dotRowsPerGroup(gpu.target, F);
  const groupsEach = Math.ceil(F / gateUpRows);
  gpu.dispatch(
    decodeGateUpWgsl({ team, shared }),
    { x: normed, indices, expertsGateUp, ...(shared ? { sharedGateUp } : {}), hidden },
    { D4: D / 4, K, F, Fs, rowsPerGroup: gateUpRows, groupsEach },
    [K * groupsEach + Math.ceil(Fs / gateUpRows), T],
  );
  const y = gpu.empty([T, D], "f32", "decoded experts");
  const rowsPerGroup = dotRowsPerGroup(gpu.target, D);
  gpu.dispatch(
    decodeDownWgsl({ team, shared }),
    { hidden, indices, weights, expertsDown, ...(shared ? { sharedDown } : {}), residual: x, y },
    { D, K, F4: F / 4, Fs4: Fs / 4, rowsPerGroup },
    [Math.ceil(D / rowsPerGroup), T],
  );
  return y;
}

/** Sizes of the networks a token runs through; a router's config where there is one. */
interface Networks {
  readonly F: number;
  readonly Fs: number;
  readonly config?: MoeConfig;
  readonly bias?: Tensor;
}

/** The sublayer in one dispatch, on software adapters, if its weights lie in one buffer and a lane can hold the rest. */
function decodeInOne(
  x: Tensor,
  weights: Readonly<Record<string, Tensor>>,
  eps: number,
  { F, Fs, config, bias }: Networks,
): Tensor | undefined {
  const { gpu } = x;
  const [T, D] = x.shape as readonly [number, number];
  const K = config?.numExpertsPerTok ?? 0;
  const hiddenWidth = K * F + Fs;
  const widest = Math.max(F, Fs);
  if (!gpu.target.software || hiddenWidth + widest + D > MAX_PRIVATE) return undefined;
  const packed = packTensors(weights);
  if (!packed) return undefined;
  const router = config ? { E: config.nRoutedExperts, K, nGroup: config.nGroup } : undefined;
  const kernel = decodeFeedForwardWgsl({
    team: teamOf(gpu.target),
    D,
    hiddenWidth,
    widest,
    ...(router ? { router } : {}),
  });
  const sizes = { D4: D / 4, F, Fs, slots: K + (Fs > 0 ? 1 : 0), eps };
  const choice = config && router ? { E: router.E, ...choiceUniforms(config) } : {};
  const y = gpu.empty([T, D], "f32", "decoded feed-forward");
  const operands = { x, weights: packed.tensor, ...(bias ? { bias } : {}), y };
  gpu.dispatch(kernel, operands, { sharedGateUp: 0, sharedDown: 0, ...packed.offsets, ...sizes, ...choice }, [T]);
  return y;
}

function choiceUniforms(config: MoeConfig): Readonly<Record<string, number>> {
  const { numExpertsPerTok: K, nGroup, topkGroup, normTopkProb, routedScalingFactor: factor } = config;
  return { K, nGroup, topkGroup, normalise: normTopkProb ? 1 : 0, factor };
}

function chooseExperts(
  x: Tensor,
  config: MoeConfig,
  { gate, bias }: MoeParameters,
  { gain, eps }: RowNorm,
): { readonly normed: Tensor; readonly indices: Tensor; readonly weights: Tensor } {
  const { gpu } = x;
  const T = x.shape[0]!;
  const { hiddenSize: D, numExpertsPerTok: K, nGroup, nRoutedExperts: E } = config;
  const normed = gpu.empty([T, D], "f32", "normed");
  const indices = gpu.empty([T, K], "u32", "moe indices");
  const weights = gpu.empty([T, K], "f32", "moe weights");
  const kernel = decodeRouteWgsl({ team: teamOf(gpu.target), E, K, nGroup });
  gpu.dispatch(
    kernel,
    { x, gain, gate, bias, normed, indices, weights },
    { E, D4: D / 4, eps, ...choiceUniforms(config) },
    [T],
  );
  return { normed, indices, weights };
}

function assertMoeStep(x: Tensor, config: MoeConfig, { gain }: RowNorm): void {
  const op = "moeDecodeStep";
  const { hiddenSize, moeIntermediateSize } = config;
  if (!canMoeDecodeStep(config)) {
    const expected = "hiddenSize and moeIntermediateSize that are multiples of 4";
    const actual = `${hiddenSize} and ${moeIntermediateSize}`;
    throw new ShapeError({ op, operand: "config", expected, actual, hint: "Use createMoe, which takes any sizes." });
  }
  if (x.shape.length !== 2 || x.shape[0] === 0 || x.shape[1] !== hiddenSize) {
    throw new ShapeError({ op, operand: "x", expected: `[T, ${hiddenSize}]`, actual: `[${x.shape.join(", ")}]` });
  }
  dims(op, { x: "T D", "norm.gain": "D" }, { x, "norm.gain": gain });
  assertDtype(op, "f32", { x, "norm.gain": gain });
}

/** The network's inner width, if the operands fit. */
function assertMlpStep(x: Tensor, { gateUp, down }: MlpParameters, { gain }: RowNorm): number {
  const op = "mlpDecodeStep";
  const operands = { x, "norm.gain": gain, gateUp, down };
  const { T, D, rows, F } = dims(op, { x: "T D", "norm.gain": "D", gateUp: "rows D", down: "D F" }, operands);
  assertDtype(op, "f32", operands);
  const refuse = (operand: string, expected: string, actual: string, hint?: string): never => {
    throw new ShapeError({ op, operand, expected, actual, ...(hint ? { hint } : {}) });
  };
  if (T === 0) refuse("x", "at least one row", "none");
  if (rows !== 2 * F) refuse("gateUp", `${2 * F} rows, two for each column of down`, `${rows}`);
  if ([D, F].some((size) => size === 0 || size % 4 !== 0)) {
    refuse(
      "down",
      "[D, F] of positive multiples of 4",
      `[${D}, ${F}]`,
      "Use rmsNorm, mlp and add, which take any sizes.",
    );
  }
  return F;
}
