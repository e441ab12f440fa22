import { EmptyDataError } from "@ds3/data";
import { OutOfRangeError } from "@ds3/errors";
import { expectNear, useTestGpu } from "@ds3/testing";
import { type StepRecord, train } from "@ds3/trainer";
import { describe, expect, test } from "vitest";
import { completionOf } from "../test/completions.ts";
import { createTinyModel } from "../test/tiny-policy.ts";
import { modelReward } from "./model-reward.ts";
import { join } from "./pack-completions.ts";
import { scoreCompletions } from "./score-completions.ts";
import { bradleyTerryModel, createPreferenceRows, type PreferencePair, type ScoreModel } from "./score-model.ts";

const ids = (...values: number[]): Int32Array => Int32Array.from(values);
/** Completions that end in 5 are better than those that end in 3, whatever is before. */
const pairs: readonly PreferencePair[] = [1, 2, 4, 6, 7].map((id, i) => ({
  prompt: ids(id, 0),
  chosen: Int32Array.from([...new Array(i).fill(3), 5]),
  rejected: Int32Array.from([...new Array(4 - i).fill(5), 3]),
}));

describe("bradleyTerryModel", () => {
  const device = useTestGpu();

  test.each([true, false])("learns which completion is better, packs %s", async (packs) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createTinyModel(gpu, { packs });
    const records: StepRecord[] = [];
    await train({
      model: bradleyTerryModel(model),
      batches: createPreferenceRows(pairs, { pairsPerBatch: 2, packs }),
      ...{ steps: 40, schedule: () => 0.03, optimizer: { weightDecay: 0 } },
      onStep: (record) => records.push(record),
    });
    const last = records.at(-1)!;
    expect(last.terms.accuracy).toBe(1);
    expect(last.terms.margin).toBeGreaterThan(2);
    expect(last.loss).toBeLessThan(records[0]!.loss / 2);
    expect(last.loss).toBeCloseTo(Math.log1p(Math.exp(-last.terms.margin!)), 2);
  });

  test("each pair's scores are those of its own last tokens", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    // A score that is the token's id: margins are known.
    const model: ScoreModel = {
      ...createTinyModel(gpu),
      scores: ({ inputs }, rows) => gpu.tensor(Float32Array.from(rows, (row) => inputs[row]!)),
    };
    const mixed = [
      { prompt: ids(9), chosen: ids(1, 7), rejected: ids(2) },
      { prompt: ids(9, 9, 9), chosen: ids(4), rejected: ids(3, 3, 3, 6) },
    ];
    const margins = [7 - 2, 4 - 6];
    const want = margins.reduce((sum, margin) => sum + Math.log1p(Math.exp(-margin)), 0) / 2;
    // Pairs in both orders.
    for (const seed of [0, 1, 2, 3, 4]) {
      const batch = await createPreferenceRows(mixed, { pairsPerBatch: 2, packs: true, seed }).next();
      const { total, terms } = bradleyTerryModel(model).loss(batch);
      expect([await terms.accuracy!.item(), await terms.margin!.item()]).toEqual([0.5, 1.5]);
      expectNear("loss", await total.data(), [want], [1], 2e-5);
      expect(batch.tokenCount).toBe(3 + 2 + 4 + 7);
    }
  });
});

describe("createPreferenceRows", () => {
  test("every epoch has every pair once, and a cursor leads back", async () => {
    const rows = createPreferenceRows(pairs, { pairsPerBatch: 2, packs: true, seed: 4 });
    const batches = [];
    const cursors = [];
    for (let i = 0; i < 6; i++) {
      cursors.push(JSON.parse(JSON.stringify(rows.cursor())));
      batches.push(await rows.next());
    }
    expect(batches.map((batch) => rows.weightOf!(batch))).toEqual([2, 2, 1, 2, 2, 1]);
    const firsts = batches
      .slice(0, 3)
      .flatMap(({ tokens }) => [...tokens.inputs].filter((id) => [1, 2, 4, 6, 7].includes(id)));
    expect(firsts.sort()).toEqual([1, 1, 2, 2, 4, 4, 6, 6, 7, 7]);
    const other = createPreferenceRows(pairs, { pairsPerBatch: 2, packs: true, seed: 4 });
    other.seek(cursors[4]);
    expect(await other.next()).toEqual(batches[4]);
  });

  test("errors", () => {
    expect(() => createPreferenceRows([], { pairsPerBatch: 1 })).toThrow(EmptyDataError);
    expect(() => createPreferenceRows(pairs, { pairsPerBatch: 0 })).toThrow(OutOfRangeError);
    const nothing = [pairs[0]!, { prompt: ids(), chosen: ids(1), rejected: ids() }];
    expect(() => createPreferenceRows(nothing, { pairsPerBatch: 1 })).toThrow(
      /pairs\[1\]: expected at least one token/,
    );
  });
});

describe("modelReward", () => {
  const device = useTestGpu();

  test.each([true, false])("the score of each sequence's last token, in order, packs %s", async (packs) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createTinyModel(gpu, { packs });
    const before = gpu.stats.liveBuffers;
    const completions = [[4], [1, 2, 3], [], [6, 6, 6, 7], [5]].map((tokens, sampleIndex) =>
      completionOf("", { tokens: Int32Array.from(tokens), sampleIndex }),
    );
    const reward = modelReward(model, { sequencesPerPass: 2, weight: 3 });
    const { totals } = await scoreCompletions([reward], completions);
    expect(gpu.stats.liveBuffers).toBe(before);
    const [embed, head] = [await model.arena.get("embed").data(), await model.arena.get("score").data()];
    const want = completions.map(({ prompt, tokens }) => {
      const last = join(prompt.ids, tokens).at(-1)!;
      return 3 * head.reduce((sum, value, i) => sum + value * embed[last * head.length + i]!, 0);
    });
    expectNear("rewards", totals as number[], want, [5], 1e-5);
    expect(() => modelReward(model, { sequencesPerPass: 0 })).toThrow(OutOfRangeError);
  });
});
