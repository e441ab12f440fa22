import { balanceLoss, createMoe, type MoeConfig, moeParameterSpecs, type RouterConfig, route } from "@ds3/moe";
import { Arena, type Gpu, matmul, type Tensor } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import { type Produced, Results, type TopicRunner } from "../topic.ts";
import { camelKeys, numberOf } from "./camel-keys.ts";

/** A mixture-of-experts layer forward and backward with bias update and balance losses, or a router alone. */
export const runMoe: TopicRunner = async ({ meta, tensors }, open) => {
  const fixture = tensors();
  const config = camelKeys(meta.config) as unknown as MoeConfig;
  const gpu = await open();
  if (!fixture.names.includes("experts.gate_proj")) return runRouter(gpu, config, fixture);
  return runLayer(gpu, config, fixture, meta.config);
};

async function runRouter(gpu: Gpu, config: RouterConfig, fixture: Fixture): Promise<Produced> {
  const results = new Results();
  const x = upload(gpu, fixture, "x");
  const logits = matmul(x.reshape([-1, x.shape.at(-1)!]), upload(gpu, fixture, "gate_weight"), { layout: "nt" });
  addRouting(results, route(logits, upload(gpu, fixture, "bias"), config));
  return results.collect();
}

type FixtureConfig = Readonly<Record<string, unknown>>;

async function runLayer(gpu: Gpu, config: MoeConfig, fixture: Fixture, given: FixtureConfig): Promise<Produced> {
  const results = new Results();
  const arena = new Arena(gpu, moeParameterSpecs(config));
  for (const part of partsOf(config)) {
    const data = fixture.tensor(part.name).data as Float32Array;
    for (const { from, to, size } of part.runs) {
      gpu.copy(gpu.tensor(data.subarray(from, from + size), [size]), arena.get(part.parameter), to * 4);
    }
  }
  const bias = upload(gpu, fixture, "bias");
  const load = gpu.zeros([config.nRoutedExperts], "u32");
  const get = (name: string): Tensor => arena.get(name);
  const shared = config.nSharedExperts > 0 ? { sharedGateUp: get("sharedGateUp"), sharedDown: get("sharedDown") } : {};
  const weights = { gate: get("gate"), expertsGateUp: get("expertsGateUp"), expertsDown: get("expertsDown") };
  const moe = createMoe(gpu, config, { ...weights, ...shared, bias, load }, { balanceLossWeight: 0 });
  const x = upload(gpu, fixture, "x");
  {
    using tape = gpu.tape();
    tape.watch(x);
    const { y, load: own, routing } = moe(x, { training: true });
    results.add("out", "moe", y.data());
    results.add("load", "moe", own.data<"u32">());
    results.add("load", "the layer's counter", load.data<"u32">());
    addRouting(results, routing);
    tape.backward(y, upload(gpu, fixture, "grad_out"));
    results.add("grad_x", "backward", tape.gradient(x)!.data());
  }
  addGradients(results, config, arena);
  moe.updateBias(numberOf(given, "bias_update_gamma"));
  results.add("bias_updated", "updateBias", bias.data());
  for (const balanceTopk of ["literal", "selected"] as const) {
    addBalanceLoss(results, gpu, config, fixture, balanceTopk, numberOf(given, "balance_alpha"));
  }
  return results.collect();
}

function addRouting(results: Results, { indices, weights, scores, groupScores }: ReturnType<typeof route>): void {
  results.add("topk_indices", "route", indices.data<"u32">());
  results.add("topk_weights", "route", weights.data());
  results.add("scores", "route", scores.data());
  results.add("group_scores", "route", groupScores.data());
}

/** Loss and its gradient with respect to the router's logits. */
function addBalanceLoss(
  results: Results,
  gpu: Gpu,
  config: MoeConfig,
  fixture: Fixture,
  balanceTopk: "literal" | "selected",
  balanceLossWeight: number,
): void {
  const x = upload(gpu, fixture, "x");
  const sequences = x.shape[0]!;
  const logits = matmul(x.reshape([-1, config.hiddenSize]), upload(gpu, fixture, "gate_weight"), { layout: "nt" });
  using tape = gpu.tape();
  tape.watch(logits);
  const { scores, indices } = route(logits, upload(gpu, fixture, "bias"), config);
  const loss = balanceLoss(scores, indices, { sequences, balanceLossWeight, balanceTopk });
  results.add(`balance_loss_${balanceTopk}`, "balanceLoss", loss.data());
  tape.backward(loss);
  results.add(`balance_grad_logits_${balanceTopk}`, "backward", tape.gradient(logits)!.data());
}

/** A fixture's weight and where its runs of elements lie in a fused parameter. */
interface Part {
  readonly name: string;
  readonly gradient: string;
  readonly parameter: string;
  readonly runs: readonly { readonly from: number; readonly to: number; readonly size: number }[];
}

/** gate and up projections are one parameter: expert by expert for the routed ones. */
function partsOf({ hiddenSize: D, moeIntermediateSize: F, nRoutedExperts: E, nSharedExperts }: MoeConfig): Part[] {
  const part = (name: string, parameter: string, runs: Part["runs"], gradient = `grad.${name}`): Part => ({
    name,
    gradient,
    parameter,
    runs,
  });
  const perExpert = (which: 0 | 1) =>
    Array.from({ length: E }, (_, e) => ({ from: e * F * D, to: (2 * e + which) * F * D, size: F * D }));
  const routed = [
    part("gate_weight", "gate", [{ from: 0, to: 0, size: E * D }], "grad.gate"),
    part("experts.gate_proj", "expertsGateUp", perExpert(0)),
    part("experts.up_proj", "expertsGateUp", perExpert(1)),
    part("experts.down_proj", "expertsDown", [{ from: 0, to: 0, size: E * D * F }]),
  ];
  const size = nSharedExperts * F * D;
  if (size === 0) return routed;
  return [
    ...routed,
    part("shared_experts.gate_proj", "sharedGateUp", [{ from: 0, to: 0, size }]),
    part("shared_experts.up_proj", "sharedGateUp", [{ from: 0, to: size, size }]),
    part("shared_experts.down_proj", "sharedDown", [{ from: 0, to: 0, size }]),
  ];
}

function addGradients(results: Results, config: MoeConfig, arena: Arena): void {
  for (const { gradient, parameter, runs } of partsOf(config)) {
    const gathered = arena
      .get(parameter)
      .grad!.data()
      .then((data) => Float32Array.from(runs.flatMap(({ to, size }) => [...data.subarray(to, to + size)])));
    results.add(gradient, "backward", gathered);
  }
}

function upload(gpu: Gpu, fixture: Fixture, name: string): Tensor {
  const { data, shape } = fixture.tensor(name);
  return gpu.tensor(data as Float32Array, shape, "f32", name);
}
