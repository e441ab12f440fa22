import { join } from "node:path";
import {
  checkGradient,
  expectClose,
  expectStored,
  type Fixture,
  fixturesBelow,
  loadFixture,
  normals,
  testFixtures,
} from "@ds3/testing/reference";
import { expect, test } from "vitest";
import { bradleyTerryRef } from "./bradley-terry-loss.ref.ts";
import { groupAdvantages } from "./group-advantages.ts";
import { type GrpoLossRefOptions, grpoLossRef } from "./grpo-loss.ref.ts";
import { GRPO_LOSSES } from "./types.ts";

const bases = fixturesBelow(join(import.meta.dirname, "..", "fixtures"));

test("there are fixtures of both losses", () => {
  expect(bases.map((base) => loadFixture(base).names.includes("pairs"))).toEqual([true, false, false]);
});

test.each(bases)("committed fixture %s", (base) => {
  const fixture = loadFixture(base);
  if (fixture.names.includes("pairs")) checkBradleyTerry(fixture);
  else checkRagged(fixture);
});

function checkBradleyTerry(fixture: Fixture): void {
  const { loss, accuracy, margin, gradient } = bradleyTerryRef(fixture.f64("scores"), fixture.i32("pairs"));
  const got = { loss: [loss], accuracy: [accuracy], margin: [margin], grad: gradient };
  for (const [name, values] of Object.entries(got)) expectStored(fixture, name, values);
}

function checkRagged(fixture: Fixture): void {
  const { groupSize, ...config } = fixture.meta.config as unknown as GrpoLossRefOptions & { groupSize: number };
  for (const scale of ["std", "populationStd", "none"] as const) {
    expectStored(fixture, `advantages.${scale}`, groupAdvantages(fixture.f64("rewards"), groupSize, { scale }));
  }
  const given = {
    ...config,
    starts: fixture.i32("starts"),
    advantages: fixture.f64("advantages.std"),
    oldLogProbs: fixture.f64("old"),
    referenceLogProbs: fixture.f64("reference"),
  };
  for (const ratio of ["token", "sequence"] as const) {
    for (const loss of GRPO_LOSSES) {
      const got = grpoLossRef(fixture.f64("policy"), { ...given, loss, ratio });
      expectStored(fixture, `loss.${loss}.${ratio}`, [got.loss]);
      expectStored(fixture, `grad.${loss}.${ratio}`, got.gradient);
      for (const name of ["ratio", "kl", "surrogate"] as const) expectStored(fixture, `${name}.${ratio}`, got[name]);
    }
  }
}

test("bradleyTerry's gradient", () => {
  const pairs = [0, 5, 4, 1, 2, 3];
  checkGradient(
    ({ scores }) => bradleyTerryRef(scores!, pairs).loss,
    ({ scores }) => ({ scores: bradleyTerryRef(scores!, pairs).gradient }),
    { scores: normals(6, 1) } as Record<string, Float64Array>,
  );
});

testFixtures(
  "align",
  "GRPO's reference",
  ({ tensors }) => "old_logps" in tensors,
  (fixture) => {
    const { epsilon_low, epsilon_high, beta, tokens } = fixture.meta.config as Record<string, number>;
    const mask = fixture.i32("completion_mask");
    const kept = Array.from(mask.keys()).filter((i) => mask[i] === 1);
    const ragged = (name: string): Float64Array => Float64Array.from(kept, (i) => fixture.f64(name)[i]!);
    const rows = fixture.f64("rewards").length;
    const starts = Array.from({ length: rows + 1 }, (_, row) => kept.filter((i) => i < row * tokens!).length);
    const padded = (values: Float64Array): Float64Array => {
      const all = new Float64Array(mask.length);
      for (const [t, i] of kept.entries()) all[i] = values[t]!;
      return all;
    };
    for (const loss of GRPO_LOSSES) {
      const options = {
        ...{ starts, loss, beta: beta!, epsilonLow: epsilon_low!, epsilonHigh: epsilon_high!, maxTokens: tokens! },
        advantages: fixture.f64("advantages"),
        oldLogProbs: ragged("old_logps"),
        referenceLogProbs: ragged("reference_logps"),
      };
      const got = grpoLossRef(ragged("policy_logps"), options);
      // The advantages are stored as f32, and the losses were computed from doubles.
      for (const [name, values] of [
        [`loss.${loss}`, [got.loss]],
        [`grad.${loss}`, padded(got.gradient)],
        ["clipped", padded(got.clipped)],
        ["kl_k3", padded(got.kl)],
      ] as const) {
        const want = name === "clipped" ? Float64Array.from(fixture.i32(name)) : fixture.f64(name);
        const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expectClose(values, want, { name, atol: 2e-7 * Math.max(largest, 0.1) });
      }
    }
  },
);
