import { join } from "node:path";
import {
  expectFixture,
  expectStored,
  type Fixture,
  fixturesBelow,
  loadFixture,
  testFixtures,
} from "@ds3/testing/reference";
import { expect, test } from "vitest";
import { fixtureCase, toRows } from "../test/fixture-case.ts";
import { dpoLossNames } from "./dpo-settings.ts";
import { type DpoLossName, dpoLossRef, sumSequencesRef } from "./reference.ts";

type Compare = (fixture: Fixture, name: string, got: ArrayLike<number>) => void;

/** `compare`: how a loss and its gradient are held against the fixture. */
function checkReference(fixture: Fixture, compare: (loss: DpoLossName) => Compare): void {
  const given = fixtureCase(fixture);
  const { starts, policy, beta } = given;
  const reference = sumSequencesRef(given.reference, starts);
  expectStored(fixture, "sequence_reference", reference);
  const sequences = Int32Array.from(reference, (_, i) => i);
  for (const { key, ...settings } of given.losses) {
    const got = dpoLossRef(policy, { starts, sequences, reference, beta, ...settings });
    compare(settings.loss)(fixture, `loss.${key}`, [got.loss]);
    compare(settings.loss)(fixture, `grad.${key}`, toRows(given, got.gradLogProbs));
    expectStored(fixture, "sequence_policy", got.sequenceLogProbs);
    expectStored(fixture, "rewards", got.rewards);
  }
}

for (const base of fixturesBelow(join(import.meta.dirname, "../fixtures"))) {
  test(`committed ${base.split("/").at(-1)}`, () => {
    const fixture = loadFixture(base);
    const losses = fixtureCase(fixture).losses.map(({ loss }) => loss);
    expect(new Set(losses)).toEqual(new Set(dpoLossNames));
    checkReference(fixture, () => expectStored);
  });
}

testFixtures(
  "align",
  "preference losses",
  ({ tensors }) => "sequence_reference" in tensors,
  // TRL takes the logs of exo_pair's label smoothing in f32, also when all else is f64.
  (fixture) => checkReference(fixture, (loss) => (loss === "exo_pair" ? expectFixture : expectStored)),
);
