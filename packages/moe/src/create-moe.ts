import { ConfigError, ShapeError } from "@ds3/errors";
import { createRowGroups, type Gpu, groupedMatmul, matmul, type RowGroups, swiglu, type Tensor } from "@ds3/tensor";
import { assertDtype } from "./assert-dtype.ts";
import { balanceLoss } from "./balance-loss.ts";
import { combine } from "./combine.ts";
import { dispatch } from "./dispatch.ts";
import { type MlpLinears, type MlpSite, mlp } from "./mlp.ts";
import { moeParameterSpecs, moeStateSpecs } from "./parameter-specs.ts";
import { planDispatch } from "./plan-dispatch.ts";
import { assertRouter, type Routing, route } from "./route.ts";
import type { BalanceTopk, MoeConfig } from "./types.ts";
import { updateBias } from "./update-bias.ts";

/** The layer's tensors, as `moeParameterSpecs` and `moeStateSpecs` describe them. F = moeIntermediateSize. */
export interface MoeParameters {
  /** f32 [E, D]. */
  readonly gate: Tensor;
  /** f32 [E, 2F, D]: an expert's gate projection, then its up projection. */
  readonly expertsGateUp: Tensor;
  /** f32 [E, D, F]. */
  readonly expertsDown: Tensor;
  /** f32 [2 Fs, D], Fs = nSharedExperts F; absent without shared experts. */
  readonly sharedGateUp?: Tensor;
  /** f32 [D, Fs]. */
  readonly sharedDown?: Tensor;
  /** f32 [E], state: the router's bias, saved with the model, not trained by gradients. */
  readonly bias: Tensor;
  /** u32 [E], state: tokens per expert since the last `updateBias`. */
  readonly load: Tensor;
}

/**
 * How the layer trains and computes. `linear` and `gatedLinear` are those of the shared experts; the router always computes
 * in f32.
 */
export interface MoeOptions extends MlpLinears {
  /** alpha of the sequence-wise balance loss; 0 leaves it out. Default 1e-4, as DeepSeek-V3. */
  readonly balanceLossWeight?: number;
  /** Default "literal", the report's equation. */
  readonly balanceTopk?: BalanceTopk;
  /**
   * Linear layers of the routed experts: x [R, I] sorted by expert, weights [E, O, I] -> [R, O]. Default f32. What "down"
   * gives is f32 or bf16: combine reads both.
   */
  readonly groupedLinear?: (x: Tensor, weights: Tensor, groups: RowGroups, site: MlpSite) => Tensor;
  /** `groupedLinear(swiglu(z), weights, groups, "down")`, z [R, 2F], in one, f32 or bf16: default that. */
  readonly groupedGatedLinear?: (z: Tensor, weights: Tensor, groups: RowGroups) => Tensor;
}

/** What one call of the layer gives. */
export interface MoeResult {
  /** Routed plus shared experts, shaped like x; plus the residual, where one is given. */
  readonly y: Tensor;
  /** u32 [E]: tokens per expert in this call. */
  readonly load: Tensor;
  /** Which experts each of the T tokens took, and how much they weigh. */
  readonly routing: Routing;
  /** Scalar [], to be added to the loss; undefined outside training or with a weight of 0. */
  readonly balanceLoss: Tensor | undefined;
}

/** Options of one call of the layer. */
export interface MoeCall {
  readonly training?: boolean;
  readonly residual?: Tensor;
}

/** A mixture-of-experts layer. */
export interface Moe {
  /**
   * x f32 [T, D] or [B, T, D] (B sequences). With `training`, the load is added to the state and the balance loss computed.
   * `residual`, shaped like x, is added to y at no cost of its own.
   * @throws ShapeError when D is not `hiddenSize`.
   */
  (x: Tensor, options?: MoeCall): MoeResult;
  readonly parameters: MoeParameters;
  /**
   * Once an optimiser step: moves the bias by `biasUpdateSpeed` (the report's gamma) against the loads counted since the
   * last call, and starts counting anew.
   */
  updateBias(biasUpdateSpeed: number): void;
}

/**
 * Creates a DeepSeekMoE layer on given parameters (DeepSeek-V3 report, section 2.1.2):
 * y = shared(x) + sum over the K chosen experts of weight * expert(x). Every expert runs on its own tokens only; counts
 * stay on the GPU. Allocates nothing that outlives a call.
 *
 * @throws ConfigError when sizes contradict each other; ShapeError or DtypeError naming the parameter that does not fit.
 */
export function createMoe(gpu: Gpu, config: MoeConfig, parameters: MoeParameters, options: MoeOptions = {}): Moe {
  assertConfig(config);
  assertParameters(config, parameters);
  const forward = (x: Tensor, { training = false, residual }: MoeCall = {}): MoeResult => {
    const sequences = sequencesOf(x, config.hiddenSize);
    const flat = x.shape.length === 2 ? x : x.reshape([-1, config.hiddenSize]);
    const result = runLayer(flat, config, parameters, options, {
      sequences: training ? sequences : 0,
      residual: residual?.reshape(flat.shape),
    });
    return { ...result, y: x.shape.length === 2 ? result.y : result.y.reshape(x.shape) };
  };
  const update = (biasUpdateSpeed: number): void => {
    updateBias(parameters.bias, parameters.load, biasUpdateSpeed);
    gpu.clear(parameters.load);
  };
  return Object.assign(forward, { parameters, updateBias: update });
}

/** The layer on x [T, D]; `sequences` is 0 outside training. */
function runLayer(
  x: Tensor,
  config: MoeConfig,
  parameters: MoeParameters,
  options: MoeOptions,
  { sequences, residual }: { readonly sequences: number; readonly residual: Tensor | undefined },
): MoeResult {
  const { gate, sharedGateUp, sharedDown, bias } = parameters;
  const { balanceLossWeight = 1e-4, balanceTopk = "literal" } = options;
  const routing = route(matmul(x, gate, { layout: "nt" }), bias, config);
  const counted = sequences > 0 ? { total: parameters.load } : {};
  const plan = planDispatch(routing.indices, config.nRoutedExperts, counted);
  const groups = createRowGroups(plan.offsets, plan.T * plan.K);
  const rows = runExperts(dispatch(x, plan), parameters, groups, options);
  const base = sharedGateUp && sharedDown ? { base: mlp(x, { gateUp: sharedGateUp, down: sharedDown }, options) } : {};
  const y = combine(rows, routing.weights, plan, { ...base, ...(residual ? { residual } : {}) });
  const isBalanced = sequences > 0 && balanceLossWeight > 0;
  const balance = { sequences, balanceLossWeight, balanceTopk };
  const loss = isBalanced ? balanceLoss(routing.scores, routing.indices, balance) : undefined;
  return { y, load: plan.load, routing, balanceLoss: loss };
}

/** Every expert on its rows of x [R, D]: [R, D], f32 or bf16. */
function runExperts(
  x: Tensor,
  { expertsGateUp, expertsDown }: MoeParameters,
  groups: RowGroups,
  { groupedLinear = groupedMatmul, groupedGatedLinear }: MoeOptions,
): Tensor {
  const z = groupedLinear(x, expertsGateUp, groups, "gateUp");
  if (groupedGatedLinear) return groupedGatedLinear(z, expertsDown, groups);
  return groupedLinear(swiglu(z), expertsDown, groups, "down");
}

function sequencesOf({ shape }: Tensor, hiddenSize: number): number {
  const fits = (shape.length === 2 || shape.length === 3) && shape.at(-1) === hiddenSize;
  if (fits) return shape.length === 3 ? shape[0]! : 1;
  const expected = `[T, ${hiddenSize}] or [B, T, ${hiddenSize}]`;
  throw new ShapeError({ op: "moe", operand: "x", expected, actual: `[${shape.join(", ")}]` });
}

function assertConfig(config: MoeConfig): void {
  for (const [key, least] of [
    ["hiddenSize", 1],
    ["moeIntermediateSize", 1],
    ["nSharedExperts", 0],
  ] as const) {
    const value = config[key];
    if (Number.isInteger(value) && value >= least) continue;
    throw new ConfigError({ op: "createMoe", operand: key, expected: `an integer >= ${least}`, actual: `${value}` });
  }
  assertRouter(config, "createMoe");
}

function assertParameters(config: MoeConfig, parameters: MoeParameters): void {
  const state = moeStateSpecs(config);
  for (const { name, shape, dtype } of [
    ...moeParameterSpecs(config).map((spec) => ({ ...spec, dtype: "f32" as const })),
    ...state,
  ]) {
    const tensor = parameters[name as keyof MoeParameters];
    if (!tensor || `${tensor.shape}` !== `${shape}`) {
      const actual = tensor ? `[${tensor.shape.join(", ")}]` : "none";
      throw new ShapeError({ op: "createMoe", operand: name, expected: `[${shape.join(", ")}]`, actual });
    }
    assertDtype("createMoe", dtype, { [name]: tensor });
  }
}
