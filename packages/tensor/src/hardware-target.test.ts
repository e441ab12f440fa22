/** The kernel variants for hardware (64 lanes, workgroup memory, one row a group), run here whatever the adapter is. */
import { expectNear, integers, normals, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { argmaxRows } from "./argmax-rows.ts";
import { add, addScaled, mul, scale } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { concatColumns, splitColumns } from "./columns.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { embedding } from "./embedding.ts";
import type { Gpu } from "./gpu.ts";
import { rmsNorm } from "./rms-norm.ts";
import { rotary } from "./rotary.ts";
import { sampleRows } from "./sample-rows.ts";
import { swiglu } from "./swiglu.ts";
import type { KernelTarget } from "./target.ts";
import { IGNORED_TARGET, tokenLogProbs } from "./token-log-probs.ts";

const device = useTestGpu();
const T = 150;
const V = 700;
const hardware: KernelTarget = { software: false, subgroupSize: 0 };

/** All ops of rows in one graph; returns the loss, the choices and the gradients of both parameters. */
async function run(gpu: Gpu): Promise<Record<string, ArrayLike<number>>> {
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const table = gpu.tensor(normals(V * 300, 1), [V, 300]);
  const weight = gpu.tensor(normals(300, 2));
  table.grad = gpu.full([V, 300], 0.25);
  weight.grad = gpu.full([300], 0.5);
  const positions = gpu.tensor(integers(T, 9, 3), [T], "i32");
  const angles = { cos: gpu.tensor(normals(9 * 4, 4), [9, 4]), sin: gpu.tensor(normals(9 * 4, 5), [9, 4]), positions };
  const rows = cast(cast(embedding(table, integers(T, V, 6)), "bf16"), "f32");
  const x = rmsNorm(rows, weight, { eps: 1e-6 });
  const turned = rotary(x.reshape([T, 10, 30]), angles, { from: 11, size: 8 }).reshape([T, 300]);
  const [left, right] = splitColumns(addScaled(turned, mul(x, x), 0.5), [200, 100]);
  const logits = concatColumns([swiglu(left!), scale(right!, 3), swiglu(add(left!, left!))]);
  const best = argmaxRows(logits);
  const filters = { temperature: 0.9, topK: 90, topP: 0.95, minP: 1e-4 };
  const sampled = sampleRows(logits, { ...filters, seed: 8, step: 3, streams: integers(T, 1000, 9) });
  const targets = integers(T, 300, 7).map((id, t) => (t % 5 === 0 ? IGNORED_TARGET : id));
  const loss = crossEntropy(logits, targets);
  const logProbs = tokenLogProbs(scale(logits, 1), targets, { temperature: 0.8 });
  const upstream = gpu.tensor(normals(T, 10), [T]);
  tape.backwardFrom([
    [loss, gpu.full([1], 1)],
    [logProbs, upstream],
  ]);
  return {
    loss: await loss.data(),
    best: await best.data<"u32">(),
    sampledIds: await sampled.ids.data<"u32">(),
    sampledLogProbs: await sampled.logProbs.data(),
    logProbs: await logProbs.data(),
    table: await table.grad.data(),
    weight: await weight.grad.data(),
  };
}

test("hardware kernels agree with this adapter's", async () => {
  const { gpu } = device;
  const here = await run(gpu);
  Object.defineProperty(gpu, "target", { value: hardware, configurable: true });
  const before = gpu.stats.pipelines;
  const there = await run(gpu);
  Reflect.deleteProperty(gpu, "target");
  expect(gpu.stats.pipelines - before, "new pipelines").toBeGreaterThan(15);
  for (const [name, values] of Object.entries(there)) expectNear(name, values, here[name]!, [values.length], 2e-5);
});
