import { ConfigError } from "@ds3/errors";
import { expectNear, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { createTinyPolicy } from "../test/tiny-policy.ts";
import { toyPairs } from "../test/toy-pairs.ts";
import { computeReferenceLogProbs } from "./compute-reference-log-probs.ts";
import { createPreferenceBatches } from "./create-preference-batches.ts";
import { dpoModel } from "./dpo-model.ts";
import { dpoLossNames } from "./dpo-settings.ts";
import type { DpoLossName, ReferenceLogProbs } from "./types.ts";

const device = useTestGpu();
const pairs = toyPairs(9, 2);

/** Loss, terms and gradients of one batch of all pairs. */
async function step(packs: boolean, loss: DpoLossName, reference: ReferenceLogProbs, nllWeight = 0) {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const policy = createTinyPolicy(gpu, { packs });
  const model = dpoModel(policy, { loss, nllWeight, labelSmoothing: loss === "exo_pair" ? 0.1 : 0 });
  const { total, terms } = model.loss(createPreferenceBatches(pairs, { batch: 9, reference, packs }).next());
  tape.backward(total);
  const read = Object.entries(terms).map(async ([name, term]) => [name, await term.item()] as const);
  return {
    loss: await total.item(),
    terms: Object.fromEntries(await Promise.all(read)) as Record<string, number>,
    head: await policy.arena.get("head").grad!.data(),
  };
}

test("before the first step policy and reference are one: margin 0, loss log 2, a gradient", async () => {
  using _scope = device.gpu.scope();
  const reference = await computeReferenceLogProbs(createTinyPolicy(device.gpu), pairs);
  const { loss, terms, head } = await step(false, "sigmoid", reference);
  expect(loss).toBeCloseTo(Math.log(2), 5);
  expect(Object.keys(terms)).toEqual(["margin", "accuracy", "chosenReward", "rejectedReward"]);
  for (const name of ["margin", "chosenReward", "rejectedReward"]) expect(terms[name]).toBeCloseTo(0, 5);
  expect(head.some((value) => Math.abs(value) > 1e-3)).toBe(true);
});

test("with nllWeight the negative log-likelihood of a chosen token is a term of the loss", async () => {
  using _scope = device.gpu.scope();
  const reference = await computeReferenceLogProbs(createTinyPolicy(device.gpu), pairs);
  const { loss, terms } = await step(false, "sigmoid", reference, 0.5);
  const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
  expect(terms.nll).toBeCloseTo(-sum(reference.chosen) / sum(pairs.map(({ chosen }) => chosen.length)), 5);
  expect(loss).toBeCloseTo(Math.log(2) + 0.5 * terms.nll!, 5);
});

test.each(dpoLossNames)("%s: packed rows give what separate ones give", async (loss) => {
  const reference = {
    chosen: Float32Array.from(pairs, ({ chosen }, i) => -2.9 * chosen.length - Math.sin(i)),
    rejected: Float32Array.from(pairs, ({ rejected }, i) => -3.1 * rejected.length + Math.cos(i)),
  };
  const [packed, separate] = [await step(true, loss, reference, 0.3), await step(false, loss, reference, 0.3)];
  expectNear("loss", [packed.loss], [separate.loss], [1], 1e-5);
  expectNear("terms", Object.values(packed.terms), Object.values(separate.terms), [5], 1e-5);
  expectNear("gradient", packed.head, separate.head, [packed.head.length], 1e-5);
});

test("settings are checked before anything runs; the policy's own hooks are called", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const policy = createTinyPolicy(gpu);
  expect(() => dpoModel(policy, { loss: "dpo" as DpoLossName })).toThrow(ConfigError);
  const calls: string[] = [];
  const loads = gpu.zeros([1, 2], "u32");
  const hooked = {
    ...policy,
    afterStep: () => void calls.push("afterStep"),
    expertLoads: () => loads,
  };
  const model = dpoModel(hooked);
  model.afterStep?.();
  expect([calls, model.expertLoads?.()]).toEqual([["afterStep"], loads]);
  expect(dpoModel(policy).expertLoads?.()).toBeUndefined();
  expect(await model.save()).toEqual(await policy.save());
});
