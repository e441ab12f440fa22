import { EmptyDataError } from "@ds3/data";
import { ConfigError, OutOfRangeError, ShapeError } from "@ds3/errors";
import type { Policy } from "@ds3/trainer";
import { describe, expect, test } from "vitest";
import { createRollouts } from "./create-rollouts.ts";
import { RewardError } from "./errors.ts";
import { type Completion, reward } from "./reward.ts";
import type { Rollout, RolloutOptions, RolloutReport } from "./rollout-options.ts";

const policy = { packs: true } as Policy;
const prompts = [1, 2, 3].map((id) => ({ ids: Int32Array.of(9, id), answer: `${id}` }));

/** Sample s of a prompt has s + 1 tokens, of which each is 10 x the prompt's last + s; even ones are stopped. */
const rollout: Rollout = async (asked, { samplesPerPrompt }) =>
  asked.flatMap((ids) =>
    Array.from({ length: samplesPerPrompt }, (_, s) => ({
      tokens: new Int32Array(s + 1).fill(10 * ids.at(-1)! + s),
      logProbs: new Float32Array(s + 1).fill(-0.5 - s),
      stopped: s % 2 === 0,
    })),
  );

const bySample = reward("sample", ({ sampleIndex }) => sampleIndex);

function optionsOf(changes: Partial<RolloutOptions> = {}): RolloutOptions {
  const sizes = { groupSize: 3, promptsPerStep: 2, maxNewTokens: 4 };
  return { policy, rollout, prompts, rewards: [bySample], scale: "none", ...sizes, ...changes };
}

describe("createRollouts", () => {
  test("a batch has every completion with its advantage and log-probs", async () => {
    const batch = await createRollouts(optionsOf()).next();
    expect([batch.advantages.length, batch.targets.length, batch.starts.at(-1)]).toEqual([6, 12, 12]);
    for (const [n, advantage] of batch.advantages.entries()) {
      const [from, to] = [batch.starts[n]!, batch.starts[n + 1]!];
      const s = to - from - 1;
      expect(advantage).toBe(s - 1);
      expect([...batch.oldLogProbs.subarray(from, to)]).toEqual(new Array(s + 1).fill(-0.5 - s));
      expect([...batch.targets.subarray(from, to)].every((id) => id % 10 === s)).toBe(true);
    }
    expect(batch.figures).toEqual({ reward: 1, "reward.sample": 1, length: 2, equalGroups: 0, dropped: 0 });
    expect(batch.referenceLogProbs).toBeUndefined();
  });

  test("every epoch has every prompt once, in an order of its own that the seed gives", async () => {
    const orderOf = async (seed: number): Promise<number[]> => {
      const seen: number[] = [];
      const onRollout = ({ completions }: RolloutReport) =>
        seen.push(...completions.filter(({ sampleIndex }) => sampleIndex === 0).map(({ promptIndex }) => promptIndex));
      const rollouts = createRollouts(optionsOf({ seed, onRollout }));
      for (let i = 0; i < 6; i++) await rollouts.next();
      return seen;
    };
    const order = await orderOf(1);
    const epochs = [0, 1, 2, 3].map((epoch) => order.slice(3 * epoch, 3 * epoch + 3));
    for (const epoch of epochs) expect(epoch.toSorted()).toEqual([0, 1, 2]);
    expect(new Set(epochs.map(String)).size).toBeGreaterThan(1);
    expect(await orderOf(1)).toEqual(order);
    expect(await orderOf(2)).not.toEqual(order);
  });

  test("rewards see prompt, record, decoded text; each rollout has a seed of its own", async () => {
    const seen: Completion[] = [];
    const seeds: number[] = [];
    const watch = reward("watch", (completion) => seen.push(completion));
    const rollouts = createRollouts(
      optionsOf({
        prompts: [{ ids: Int32Array.of(9, 1), answer: "1", record: { from: "here" } }],
        promptsPerStep: 1,
        rewards: [watch],
        decode: (ids) => `<${ids}>`,
        rollout: (asked, sampling) => {
          seeds.push(sampling.seed);
          return rollout(asked, sampling);
        },
      }),
    );
    await rollouts.next();
    await rollouts.next();
    expect(seen[1]).toMatchObject({ promptIndex: 0, sampleIndex: 1, text: "<11,11>", stopped: false });
    expect(seen[1]!.prompt).toMatchObject({ answer: "1", record: { from: "here" } });
    expect(new Set(seeds).size).toBe(2);
  });

  test("a rollout is divided into batches and given so many times", async () => {
    let rolled = 0;
    const rollouts = createRollouts(
      optionsOf({ microBatches: 2, updatesPerRollout: 2, onRollout: () => (rolled += 1) }),
    );
    const batches = [];
    for (let i = 0; i < 5; i++) batches.push(await rollouts.next());
    expect(rolled).toBe(2);
    expect(batches.map(({ advantages }) => advantages.length)).toEqual([3, 3, 3, 3, 3]);
    expect(batches[2]).toEqual(batches[0]);
    expect(batches[3]).toEqual(batches[1]);
    expect(batches[1]).not.toEqual(batches[0]);
  });

  test("a cursor leads back, in the middle of a rollout without sampling again", async () => {
    let rolled = 0;
    const options = optionsOf({ updatesPerRollout: 2, onRollout: () => (rolled += 1) });
    const rollouts = createRollouts(options);
    const [start, first] = [rollouts.cursor(), await rollouts.next()];
    const [middle, second] = [JSON.parse(JSON.stringify(rollouts.cursor())), await rollouts.next()];
    const third = await rollouts.next();
    const other = createRollouts(options);
    other.seek(middle);
    const before = rolled;
    expect(await other.next()).toEqual(second);
    expect(rolled).toBe(before);
    expect(await other.next()).toEqual(third);
    other.seek(start);
    expect(await other.next()).toEqual(first);
  });

  test("weights of micro-batches, by loss", async () => {
    const weight = async (loss: "grpo" | "dapo" | "bnpo" | "dr_grpo"): Promise<number> => {
      const rollouts = createRollouts(optionsOf({ loss }));
      return rollouts.weightOf(await rollouts.next());
    };
    expect(await Promise.all((["grpo", "dr_grpo", "dapo", "bnpo"] as const).map(weight))).toEqual([6, 6, 12, 1]);
  });

  test("overlong completions: kept, or masked with their rewards in the group", async () => {
    const masked = await createRollouts(optionsOf({ overlong: "mask", stopTokens: [0] })).next();
    expect(masked.targets.length).toBe(2 * (1 + 3));
    expect(masked.advantages.toSorted()).toEqual([-1, -1, 0, 0, 1, 1]);
    expect(masked.starts).toHaveLength(7);
    expect(masked.oldLogProbs.length).toBe(8);
    const all = await createRollouts(
      optionsOf({ overlong: "mask", stopTokens: [0], rollout: async (...asked) => unstopped(await rollout(...asked)) }),
    ).next();
    expect([all.targets.length, all.advantages.length]).toEqual([0, 6]);
  });

  const unstopped = <T extends { stopped: boolean }>(completions: readonly T[]): T[] =>
    completions.map((one) => ({ ...one, stopped: false }));

  test("a failed reward ends the run, or drops completions and whole groups", async () => {
    const picky = reward("picky", ({ promptIndex, sampleIndex }) => {
      if (promptIndex === 1 || sampleIndex === 2) throw new Error("no");
      return sampleIndex;
    });
    const failing = optionsOf({ rewards: [picky], promptsPerStep: 3 });
    const error = await createRollouts(failing)
      .next()
      .catch((reason) => reason);
    expect(RewardError.is(error)).toBe(true);
    const batch = await createRollouts({ ...failing, onRewardError: "drop" }).next();
    expect(batch.advantages.toSorted()).toEqual([-0.5, -0.5, 0.5, 0.5]);
    expect(batch.figures).toMatchObject({ dropped: 5, reward: 0.5, "reward.picky": 0.5, equalGroups: 0 });
    const none = reward("none", () => Number.NaN);
    const empty = createRollouts({ ...failing, rewards: [none], onRewardError: "drop", microBatches: 2 });
    const nothing = await empty.next();
    expect([nothing.advantages, nothing.targets.length, empty.weightOf(nothing)]).toEqual([[], 0, 0]);
  });

  test("groups whose rewards are equal are counted and have no advantage", async () => {
    const half = reward("half", ({ promptIndex, sampleIndex }) => (promptIndex === 0 ? 7.1 : sampleIndex));
    const batch = await createRollouts(optionsOf({ rewards: [half], promptsPerStep: 3 })).next();
    expect(batch.figures.equalGroups).toBeCloseTo(1 / 3, 12);
    expect(batch.advantages.toSorted()).toEqual([-1, -1, 0, 0, 0, 0, 0, 1, 1].toSorted());
  });

  test("a prompt that is too long is refused by name before anything is sampled, or dropped and counted", async () => {
    const long = [...prompts, { ids: new Int32Array(7).fill(1) }];
    const limited = optionsOf({ prompts: long, contextLength: 10 });
    expect(() => createRollouts(limited)).toThrow(OutOfRangeError);
    expect(() => createRollouts(limited)).toThrow(
      /prompts\[3\]: expected at most 6 tokens, which leaves 4 new ones room, got 7/,
    );
    expect(() => createRollouts({ ...limited, maxPromptTokens: 5 })).toThrow(
      /prompts\[3\]: expected at most 5 tokens, got 7/,
    );
    const indices = new Set<number>();
    const dropping = createRollouts({
      ...{ ...limited, onLongPrompt: "drop", promptsPerStep: 6 },
      onRollout: ({ completions }) => {
        for (const { promptIndex } of completions) indices.add(promptIndex);
      },
    });
    await dropping.next();
    expect([dropping.droppedPrompts, [...indices].sort()]).toEqual([1, [0, 1, 2]]);
    expect(createRollouts({ ...limited, contextLength: 11 }).droppedPrompts).toBe(0);
  });

  test("new tokens that leave a prompt no room are refused by name, whatever becomes of long prompts", () => {
    for (const contextLength of [3, 4]) {
      const full = optionsOf({ contextLength, onLongPrompt: "drop" });
      expect(() => createRollouts(full)).toThrow(OutOfRangeError);
      expect(() => createRollouts(full)).toThrow(
        `createRollouts: maxNewTokens: expected below contextLength, ${contextLength}, so that a prompt has room, got 4`,
      );
    }
  });

  test("a signal during sampling rejects, and what was sampled so far is not scored", async () => {
    const abort = new AbortController();
    let scored = 0;
    const rollouts = createRollouts(
      optionsOf({
        signal: abort.signal,
        rewards: [reward("count", () => (scored += 1))],
        rollout: (asked, sampling) => {
          expect(sampling.signal).toBe(abort.signal);
          abort.abort(new Error("enough"));
          return rollout(asked, sampling);
        },
      }),
    );
    const before = rollouts.cursor();
    await expect(rollouts.next()).rejects.toThrow("enough");
    expect([scored, rollouts.cursor()]).toEqual([0, before]);
  });

  test("errors", async () => {
    const refused = (changes: Partial<RolloutOptions>) => () => createRollouts(optionsOf(changes));
    expect(refused({ groupSize: 1 })).toThrow(/groupSize: expected an integer >= 2/);
    expect(refused({ microBatches: 0 })).toThrow(OutOfRangeError);
    expect(refused({ temperature: 0 })).toThrow(/temperature/);
    expect(refused({ beta: 0.1 })).toThrow(/reference: .*because beta is above 0/);
    expect(refused({ overlong: "mask" })).toThrow(ConfigError);
    expect(refused({ prompts: [] })).toThrow(EmptyDataError);
    expect(refused({ prompts: [{ ids: new Int32Array() }] })).toThrow(/prompts\[0\]: expected at least one token/);
    const wrong = (change: (all: Awaited<ReturnType<Rollout>>) => Awaited<ReturnType<Rollout>>) =>
      createRollouts(optionsOf({ rollout: async (...asked) => change(await rollout(...asked)) })).next();
    await expect(wrong((all) => all.slice(1))).rejects.toThrow(/expected 6 completions, got 5/);
    const cut = { tokens: Int32Array.of(1), logProbs: Float32Array.of(Number.NaN), stopped: true };
    await expect(wrong((all) => [cut, ...all.slice(1)])).rejects.toThrow(ShapeError);
    await expect(wrong((all) => [cut, ...all.slice(1)])).rejects.toThrow(/completion 0: expected a finite log-prob/);
  });
});
