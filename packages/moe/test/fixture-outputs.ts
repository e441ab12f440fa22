import { Arena, type Gpu, matmul, type Tensor } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing";
import {
  balanceLoss,
  createMoe,
  type MoeConfig,
  type MoeParameters,
  moeParameterSpecs,
  moeStateSpecs,
  route,
} from "../src/index.ts";
import { moeConfigOf } from "./fixture-config.ts";

/** Everything that a moe fixture expects, computed on the GPU, by the fixture's tensor names. */
export type FixtureOutputs = Map<string, ArrayLike<number>>;

/** A layer fixture has an upstream gradient; a router fixture has none. */
export function fixtureOutputs(gpu: Gpu, fixture: Fixture): Promise<FixtureOutputs> {
  return fixture.names.includes("grad_out") ? layerOutputs(gpu, fixture) : routerOutputs(gpu, fixture);
}

async function routerOutputs(gpu: Gpu, fixture: Fixture): Promise<FixtureOutputs> {
  using _scope = gpu.scope();
  const config = moeConfigOf(fixture.meta.config);
  const x = upload(gpu, fixture, "x").reshape([-1, config.hiddenSize]);
  return await readRouting(
    config,
    matmul(x, upload(gpu, fixture, "gate_weight"), { layout: "nt" }),
    upload(gpu, fixture, "bias"),
  );
}

async function readRouting(config: MoeConfig, logits: Tensor, bias: Tensor): Promise<FixtureOutputs> {
  const { indices, weights, scores, groupScores } = route(logits, bias, config);
  return new Map<string, ArrayLike<number>>([
    ["topk_indices", await indices.data<"u32">()],
    ["topk_weights", await weights.data()],
    ["scores", await scores.data()],
    ["group_scores", await groupScores.data()],
  ] as const);
}

async function layerOutputs(gpu: Gpu, fixture: Fixture): Promise<FixtureOutputs> {
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const config = moeConfigOf(fixture.meta.config);
  const parameters = uploadParameters(gpu, fixture, config);
  const layer = createMoe(gpu, config, parameters);
  const x = tape.watch(upload(gpu, fixture, "x"));
  const { y, load } = layer(x, { training: true });
  tape.backward(y, upload(gpu, fixture, "grad_out"));
  const outputs: FixtureOutputs = new Map<string, ArrayLike<number>>([
    ["out", await y.data()],
    ["load", await load.data<"u32">()],
    ["grad_x", await tape.gradient(x)!.data()],
    ...(await readGradients(config, parameters)),
    ...(await balanceOutputs(gpu, fixture, config, parameters)),
  ] as const);
  layer.updateBias(fixture.meta.config.bias_update_gamma as number);
  return outputs.set("bias_updated", await parameters.bias.data());
}

/** Router outputs and both balance losses, with their gradients for the logits; before the bias moves. */
async function balanceOutputs(gpu: Gpu, fixture: Fixture, config: MoeConfig, { gate, bias }: MoeParameters) {
  const x = upload(gpu, fixture, "x").reshape([-1, config.hiddenSize]);
  const logits = gpu.noGrad(() => matmul(x, gate, { layout: "nt" }));
  const outputs = await readRouting(config, logits, bias);
  const { batch: sequences, balance_alpha: balanceLossWeight } = fixture.meta.config as Record<string, number>;
  for (const balanceTopk of ["literal", "selected"] as const) {
    using tape = gpu.tape();
    tape.watch(logits);
    const { scores, indices } = route(logits, bias, config);
    const loss = balanceLoss(scores, indices, { sequences, balanceLossWeight, balanceTopk });
    tape.backward(loss);
    outputs.set(`balance_loss_${balanceTopk}`, [await loss.item()]);
    outputs.set(`balance_grad_logits_${balanceTopk}`, await tape.gradient(logits)!.data());
  }
  return outputs;
}

/** Parameters in an arena, as a trainer holds them, so that gradients go the way they go in training. */
function uploadParameters(gpu: Gpu, fixture: Fixture, config: MoeConfig): MoeParameters {
  const arena = new Arena(gpu, moeParameterSpecs(config));
  const states = moeStateSpecs(config).map(({ name, shape, dtype }) => [name, gpu.zeros(shape, dtype)] as const);
  const parameters = Object.fromEntries([...arena.parameters, ...states]) as unknown as MoeParameters;
  const fuse = (prefix: string, experts: number): Float64Array =>
    interleave(fixture.f64(`${prefix}.gate_proj`), fixture.f64(`${prefix}.up_proj`), experts);
  gpu.write(parameters.gate, fixture.f64("gate_weight"));
  gpu.write(parameters.bias, fixture.f64("bias"));
  gpu.write(parameters.expertsGateUp, fuse("experts", config.nRoutedExperts));
  gpu.write(parameters.expertsDown, fixture.f64("experts.down_proj"));
  if (parameters.sharedGateUp) gpu.write(parameters.sharedGateUp, fuse("shared_experts", 1));
  if (parameters.sharedDown) gpu.write(parameters.sharedDown, fixture.f64("shared_experts.down_proj"));
  return parameters;
}

async function readGradients({ nRoutedExperts }: MoeConfig, parameters: MoeParameters) {
  const read = async (name: keyof MoeParameters): Promise<Float64Array> =>
    Float64Array.from((await parameters[name]?.grad?.data()) ?? []);
  const [gate, up] = separate(await read("expertsGateUp"), nRoutedExperts);
  const [sharedGate, sharedUp] = separate(await read("sharedGateUp"), 1);
  return [
    ["grad.gate", await read("gate")],
    ["grad.experts.gate_proj", gate],
    ["grad.experts.up_proj", up],
    ["grad.experts.down_proj", await read("expertsDown")],
    ["grad.shared_experts.gate_proj", sharedGate],
    ["grad.shared_experts.up_proj", sharedUp],
    ["grad.shared_experts.down_proj", await read("sharedDown")],
  ] as const;
}

/** [E, F, D] and [E, F, D] to [E, 2F, D]. */
function interleave(gate: Float64Array, up: Float64Array, experts: number): Float64Array {
  const size = gate.length / experts;
  const fused = new Float64Array(2 * gate.length);
  for (let e = 0; e < experts; e++) {
    fused.set(gate.subarray(e * size, (e + 1) * size), 2 * e * size);
    fused.set(up.subarray(e * size, (e + 1) * size), (2 * e + 1) * size);
  }
  return fused;
}

/** The inverse of interleave. */
function separate(fused: Float64Array, experts: number): [gate: Float64Array, up: Float64Array] {
  const size = fused.length / experts / 2;
  const half = (which: 0 | 1): Float64Array =>
    Float64Array.from({ length: fused.length / 2 }, (_, i) => {
      const e = Math.floor(i / size);
      return fused[(2 * e + which) * size + (i % size)]!;
    });
  return [half(0), half(1)];
}

function upload(gpu: Gpu, fixture: Fixture, name: string): Tensor {
  return gpu.tensor(fixture.f64(name), fixture.tensor(name).shape, "f32", name);
}
