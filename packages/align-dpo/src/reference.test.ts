import { join } from "node:path";
import { expectStored, type Fixture, fixturesBelow, loadFixture, testFixtures } from "@ds3/testing/reference";
import { expect, test } from "vitest";
import { fixtureCase, toRows } from "../test/fixture-case.ts";
import { dpoLossNames } from "./dpo-settings.ts";
import { type DpoLossName, dpoLossRef, sumSequencesRef } from "./reference.ts";

/** `smoothingOf`: label smoothing of a loss as the fixture's maker had it. */
function checkReference(
  fixture: Fixture,
  smoothingOf = (_: DpoLossName, smoothing: number): number => smoothing,
): void {
  const given = fixtureCase(fixture);
  const { starts, policy, beta } = given;
  const reference = sumSequencesRef(given.reference, starts);
  expectStored(fixture, "sequence_reference", reference);
  const sequences = Int32Array.from(reference, (_, i) => i);
  for (const { key, loss, labelSmoothing: stated } of given.losses) {
    const labelSmoothing = smoothingOf(loss, stated);
    const got = dpoLossRef(policy, { starts, sequences, reference, loss, beta, labelSmoothing });
    expectStored(fixture, `loss.${key}`, [got.loss]);
    expectStored(fixture, `grad.${key}`, toRows(given, got.gradLogProbs));
    expectStored(fixture, "sequence_policy", got.sequenceLogProbs);
    expectStored(fixture, "rewards", got.rewards);
  }
}

for (const base of fixturesBelow(join(import.meta.dirname, "../fixtures"))) {
  test(`committed ${base.split("/").at(-1)}`, () => {
    const fixture = loadFixture(base);
    const losses = fixtureCase(fixture).losses.map(({ loss }) => loss);
    expect(new Set(losses)).toEqual(new Set(dpoLossNames));
    checkReference(fixture);
  });
}

// TRL puts exo_pair's label smoothing into a tensor of f32, also when all else is f64.
const asTrl = (loss: DpoLossName, smoothing: number): number =>
  loss === "exo_pair" ? Math.fround(smoothing) : smoothing;
testFixtures(
  "align",
  "preference losses",
  ({ tensors }) => "sequence_reference" in tensors,
  (fixture) => checkReference(fixture, asTrl),
);
