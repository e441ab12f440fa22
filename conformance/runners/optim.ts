import { Arena, type Gpu, gradientNorm, type Tensor } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import { createOptimizer } from "@ds3/trainer";
import { Results, type TopicRunner } from "../topic.ts";
import { camelKeys } from "./camel-keys.ts";
import { runSchedules } from "./schedules.ts";

/** AdamW trajectories with clipping, moments in f32 and bf16; or tables of schedules. */
export const runOptim: TopicRunner = async (fixture, open) => {
  if (!fixture.meta.tensors) return runSchedules(fixture.meta);
  const gpu = await open();
  const config = camelKeys(fixture.meta.config) as unknown as AdamwConfig;
  const tensors = fixture.tensors();
  const results = new Results();
  addRun(results, gpu, config, tensors, "f32", "");
  const variants = new Set(tensors.names.flatMap((name) => /^(bf16_\w+\.)/.exec(name)?.[1] ?? []));
  // The same numbers for every alternative: one of them must hold.
  if (variants.size > 0) addRun(results, gpu, config, tensors, "bf16", ...variants);
  return results.collect();
};

interface AdamwConfig {
  readonly steps: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly clipNorm?: number | null;
  readonly lrPerStep: readonly number[];
  /** Whether vectors decay like matrices. */
  readonly decay1d?: boolean;
}

/** One run of all steps; its results are added once under each prefix. */
function addRun(
  results: Results,
  gpu: Gpu,
  config: AdamwConfig,
  fixture: Fixture,
  moments: "f32" | "bf16",
  ...prefixes: readonly string[]
): void {
  const via = `AdamW, ${moments} moments`;
  const count = fixture.names.filter((name) => /^param\.\d+$/.test(name)).length;
  const shapes = Array.from({ length: count }, (_, i) => fixture.tensor(`param.${i}`).shape);
  const specs = shapes.map((shape, i) => ({ name: `${i}`, shape, decay: shape.length > 1 || config.decay1d === true }));
  const arena = new Arena(gpu, specs);
  for (const [i, { name }] of specs.entries()) gpu.write(arena.get(name), f32(fixture, `param.${i}`));
  const { steps, trajectories, norms } = runSteps(gpu, config, fixture, arena, moments);
  for (const prefix of prefixes) {
    for (const { name } of specs) {
      results.add(`${prefix}trajectory.${name}`, via, joined(trajectories.map((step) => step.get(name)!)));
      const parts = momentsOf(arena, steps, arena.get(name));
      results.add(`${prefix}exp_avg.${name}`, via, parts.first);
      results.add(`${prefix}exp_avg_sq.${name}`, via, parts.second);
    }
  }
  if (moments === "f32")
    results.add(
      "grad_norm",
      via,
      joined(norms).then((stats) => stats.filter((_, i) => i % 4 === 0)),
    );
}

function runSteps(gpu: Gpu, config: AdamwConfig, fixture: Fixture, arena: Arena, moments: "f32" | "bf16") {
  const { betas, eps, weightDecay, clipNorm } = config;
  const optimizer = createOptimizer(arena, { betas, eps, weightDecay, moments });
  const loss = gpu.zeros([1]);
  const norms: Promise<Float32Array>[] = [];
  const trajectories: Map<string, Promise<Float32Array>>[] = [];
  for (let step = 0; step < config.steps; step++) {
    using _step = gpu.scope(`step ${step}`);
    for (const [name, parameter] of arena.parameters) {
      const from = step * parameter.size;
      gpu.write(parameter.grad!, f32(fixture, `grads.${name}`).subarray(from, from + parameter.size));
    }
    const stats = gradientNorm(arena.segments, loss, clipNorm ?? undefined);
    optimizer.step(config.lrPerStep[step]!, stats);
    norms.push(stats.data());
    trajectories.push(new Map([...arena.parameters].map(([name, parameter]) => [name, parameter.data()])));
  }
  return { steps: optimizer.moments, trajectories, norms };
}

/** Moments lie in their segment as the parameter does in its own. */
function momentsOf(
  arena: Arena,
  moments: ReturnType<typeof createOptimizer>["moments"],
  parameter: Tensor,
): { first: Promise<Float32Array>; second: Promise<Float32Array> } {
  const segment = arena.segments.findIndex(({ values }) => values.storage === parameter.storage);
  const from = (parameter.byteOffset - arena.segments[segment]!.values.byteOffset) / 4;
  const read = async (flat: Tensor): Promise<Float32Array> =>
    (await floats(flat)).subarray(from, from + parameter.size);
  return { first: read(moments[segment]!.first), second: read(moments[segment]!.second) };
}

async function floats(tensor: Tensor): Promise<Float32Array> {
  if (tensor.dtype !== "bf16") return tensor.data();
  const bits = Uint32Array.from(await tensor.data<"bf16">(), (half) => half << 16);
  return new Float32Array(bits.buffer);
}

async function joined(parts: readonly Promise<Float32Array>[]): Promise<Float32Array> {
  const arrays = await Promise.all(parts);
  const whole = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    whole.set(array, at);
    at += array.length;
  }
  return whole;
}

function f32(fixture: Fixture, name: string): Float32Array {
  return fixture.tensor(name).data as Float32Array;
}
