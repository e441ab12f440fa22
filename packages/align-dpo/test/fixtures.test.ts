import { join } from "node:path";
import { expectFixture, fixturesBelow, loadFixture, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { dpoLoss, sumSequences } from "../src/index.ts";
import { fixtureCase, toRows } from "./fixture-case.ts";

const device = useTestGpu();

test.each(fixturesBelow(join(import.meta.dirname, "../fixtures")))("the GPU against committed %s", async (base) => {
  const { gpu } = device;
  const fixture = loadFixture(base);
  const given = fixtureCase(fixture);
  const { starts, beta, losses } = given;
  using _scope = gpu.scope();
  const referenceLogProbs = sumSequences(gpu.tensor(given.reference), starts);
  expectFixture(fixture, "sequence_reference", await referenceLogProbs.data());
  expect(losses.length).toBeGreaterThan(14);
  for (const { key, ...settings } of losses) {
    using tape = gpu.tape();
    const logProbs = tape.watch(gpu.tensor(given.policy));
    const got = dpoLoss(logProbs, { ...settings, beta, starts, referenceLogProbs });
    tape.backward(got.loss);
    expectFixture(fixture, `loss.${key}`, await got.loss.data());
    expectFixture(fixture, `grad.${key}`, toRows(given, await tape.gradient(logProbs)!.data()));
    expectFixture(fixture, "sequence_policy", await got.sequenceLogProbs.data());
    expectFixture(fixture, "rewards", await got.rewards.data());
  }
});
