import { join } from "node:path";
import { checkGradient, expectStored, type Fixture, fixturesBelow, loadFixture, normals } from "@ds3/testing/reference";
import { expect, test } from "vitest";
import { meanBlock } from "../test/mean-block.ts";
import { type MtpModuleRefWeights, type MtpRefBatch, mtpLossRef } from "./reference.ts";
import type { MtpConfig, MtpHidden, MtpLossDenominator } from "./types.ts";

const [B, T, D, V, depth] = [2, 5, 4, 7, 2];
const base: MtpConfig = {
  hiddenSize: D,
  vocabSize: V,
  rmsNormEps: 1e-6,
  mtpHidden: "normed",
  mtpLossDenominator: "T",
  mtpLossWeight: 0.3,
};
const inputIds = [1, 2, 3, 4, 5, 6, 0, 1, 0, 1];
const labels = [2, 3, 4, 5, 6, 0, 1, -100, 1, 3];

/** Depth k's arrays have names that start with "k.". */
function inputArrays(): Record<string, Float64Array> {
  const arrays: Record<string, Float64Array> = {
    hidden: normals(B * T * D, 1),
    embedding: normals(V * D, 2),
    head: normals(V * D, 3),
  };
  for (let k = 1; k <= depth; k++) {
    arrays[`${k}.enorm`] = normals(D, 10 * k);
    arrays[`${k}.hnorm`] = normals(D, 10 * k + 1);
    arrays[`${k}.ehProj`] = normals(2 * D * D, 10 * k + 2);
    arrays[`${k}.sharedHeadNorm`] = normals(D, 10 * k + 3);
    arrays[`${k}.block`] = normals(D * D, 10 * k + 4);
  }
  return arrays;
}

function moduleOf(arrays: Record<string, Float64Array>, k: number): MtpModuleRefWeights {
  const part = (name: string) => arrays[`${k}.${name}`];
  return { enorm: part("enorm"), hnorm: part("hnorm"), ehProj: part("ehProj"), sharedHeadNorm: part("sharedHeadNorm") };
}

/** Run all depths; the blocks' gradients land in `blockGrads` after backward. */
function run(
  config: MtpConfig,
  arrays: Record<string, Float64Array>,
  depths: number,
  batch: Omit<MtpRefBatch, "hidden"> = { batch: B, length: T, inputIds, labels },
) {
  const numbers = Array.from({ length: depths }, (_, i) => i + 1);
  const blockGrads = numbers.map((k) => new Float64Array(arrays[`${k}.block`].length));
  const parameters = {
    embedding: arrays.embedding,
    head: arrays.head,
    modules: numbers.map((k) => moduleOf(arrays, k)),
    blocks: numbers.map((k) => meanBlock(arrays[`${k}.block`], blockGrads[k - 1])),
  };
  return { result: mtpLossRef(config, parameters, { ...batch, hidden: arrays.hidden }), blockGrads };
}

function gradientsOf({ result, blockGrads }: ReturnType<typeof run>): Record<string, Float64Array> {
  const { hidden, embedding, head, modules } = result.backward();
  const all: Record<string, Float64Array> = { hidden, embedding, head };
  modules.forEach((module, i) => {
    for (const [name, value] of Object.entries(module)) all[`${i + 1}.${name}`] = value;
    all[`${i + 1}.block`] = blockGrads[i];
  });
  return all;
}

const variants: [MtpHidden, MtpLossDenominator][] = [
  ["normed", "T"],
  ["normed", "T-k"],
  ["raw", "T"],
];

const weights = [1, 0.5, 0, 2, 1.5, 1, 2, 1, 0.5, 1.5];

test.each(variants)(
  "gradient, hidden %s, denominator %s, with weights and without",
  (mtpHidden, mtpLossDenominator) => {
    const config = { ...base, mtpHidden, mtpLossDenominator };
    for (const more of [{}, { weights }]) {
      const batch = { batch: B, length: T, inputIds, labels, ...more };
      checkGradient(
        (arrays) => run(config, arrays, depth, batch).result.loss,
        (arrays) => gradientsOf(run(config, arrays, depth, batch)),
        inputArrays(),
        { samples: 20 },
      );
    }
  },
);

test("a label has the same weight at every depth, and weight 0 is as good as ignored", () => {
  const of = (from: { labels: number[]; weights?: number[] }) =>
    run({ ...base, mtpLossDenominator: "T-k" }, inputArrays(), depth, { batch: B, length: T, inputIds, ...from })
      .result;
  const ones = weights.map(() => 1);
  for (const i of [2, 3, 8]) {
    const without = of({ labels: labels.map((label, t) => (t === i ? -100 : label)) });
    const weightless = of({ labels, weights: ones.map((one, t) => (t === i ? 0 : one)) });
    expect(weightless.depths.map(({ loss }) => loss)).toEqual(without.depths.map(({ loss }) => loss));
  }
});

test("the denominators differ by the number of counted labels", () => {
  const [all, each] = (["T", "T-k"] as const).map(
    (mtpLossDenominator) => run({ ...base, mtpLossDenominator }, inputArrays(), depth).result.depths,
  );
  expect(all[0].loss / each[0].loss).toBeCloseTo(7 / 9, 13);
  expect(all[1].loss / each[1].loss).toBeCloseTo(5 / 9, 13);
});

test("a depth never sees the tokens it has to predict", () => {
  const arrays = inputArrays();
  const before = run(base, arrays, depth).result.depths;
  const after = run(base, arrays, depth, { batch: B, length: T, inputIds: [1, 2, 3, 4, 0, 6, 0, 1, 0, 5], labels })
    .result.depths;
  const rows = (logits: Float64Array, k: number) => [...logits.subarray(0, (T - k - 1) * V)];
  for (const k of [1, 2]) {
    expect(rows(after[k - 1].logits, k)).toEqual(rows(before[k - 1].logits, k));
    expect(after[k - 1].logits).not.toEqual(before[k - 1].logits);
  }
});

function checkFixture(fixture: Fixture): void {
  const {
    hidden_size,
    vocab_size,
    rms_norm_eps,
    depth: depths,
    batch,
    length,
    mtp_lambda,
  } = fixture.meta.config as Record<string, number>;
  const config = {
    hiddenSize: hidden_size,
    vocabSize: vocab_size,
    rmsNormEps: rms_norm_eps,
    mtpHidden: fixture.meta.config.mtp_hidden as MtpHidden,
    mtpLossDenominator: fixture.meta.config.mtp_loss_denominator as MtpLossDenominator,
    mtpLossWeight: mtp_lambda,
  };
  const arrays = Object.fromEntries(
    fixture.names.filter((name) => fixture.tensor(name).dtype === "F64").map((name) => [name, fixture.f64(name)]),
  );
  const ids = { batch, length, inputIds: [...fixture.i32("input_ids")], labels: [...fixture.i32("labels")] };
  const done = run(config, arrays, depths, ids);
  expectStored(fixture, "mtp_loss", [done.result.loss]);
  done.result.depths.forEach(({ hidden, logits, loss }, i) => {
    expectStored(fixture, `hidden.${i + 1}`, hidden);
    expectStored(fixture, `logits.${i + 1}`, logits);
    expectStored(fixture, `loss.${i + 1}`, [loss]);
  });
  for (const [name, grad] of Object.entries(gradientsOf(done))) expectStored(fixture, `grad.${name}`, grad);
}

for (const path of fixturesBelow(join(import.meta.dirname, "../fixtures"))) {
  test(`committed ${path.split("/").at(-1)}`, () => checkFixture(loadFixture(path)));
}
