import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EmptyDataError } from "@ds3/data";
import { OutOfRangeError } from "@ds3/errors";
import { fillNormal } from "@ds3/tensor";
import { temporaryFolder, useTestGpu } from "@ds3/testing";
import { NonFiniteError, type Policy } from "@ds3/trainer";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { createTinyPolicy, VOCABULARY } from "../test/tiny-policy.ts";
import { toyPairs } from "../test/toy-pairs.ts";
import { computeReferenceLogProbs } from "./compute-reference-log-probs.ts";
import { ReferenceCacheError } from "./errors.ts";
import { preferenceAccuracy } from "./preference-accuracy.ts";
import type { PreferencePair } from "./types.ts";

const device = useTestGpu();
const pairs = toyPairs(11, 5);

/** log p of a completion in f64, from the policy's parameters. */
async function logProb({ arena }: Policy, prompt: Int32Array, completion: Int32Array): Promise<number> {
  const width = arena.get("head").shape[1]!;
  const read = async (name: string) => await arena.get(name).data();
  const [current, before, head] = await Promise.all(["current", "before", "head"].map(read));
  const ids = [...prompt, ...completion];
  let sum = 0;
  for (let t = prompt.length; t < ids.length; t++) {
    const [now, last] = [ids[t - 1]!, t > 1 ? ids[t - 2]! : VOCABULARY];
    const logits = Array.from({ length: VOCABULARY }, (_, v) => {
      let dot = 0;
      for (let d = 0; d < width; d++) {
        dot += (current![now * width + d]! + before![last * width + d]!) * head![v * width + d]!;
      }
      return dot;
    });
    sum += logits[ids[t]!]! - Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0));
  }
  return sum;
}

describe("computeReferenceLogProbs", () => {
  test.each([false, true])("the log-probs are those of the equations, packs %s, whatever the batch", async (packs) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const policy = createTinyPolicy(gpu, { packs });
    const before = gpu.stats.liveBuffers;
    const progress: number[][] = [];
    const onProgress = (...call: number[]): void => void progress.push(call);
    const got = await computeReferenceLogProbs(policy, pairs, { batch: 4, onProgress });
    expect(progress).toEqual([
      [4, 11],
      [8, 11],
      [11, 11],
    ]);
    expect(gpu.stats.liveBuffers).toBe(before);
    for (const [i, { prompt, chosen, rejected }] of pairs.entries()) {
      expect(got.chosen[i]).toBeCloseTo(await logProb(policy, prompt, chosen), 4);
      expect(got.rejected[i]).toBeCloseTo(await logProb(policy, prompt, rejected), 4);
    }
    expect(await computeReferenceLogProbs(policy, pairs, { batch: 1 })).toEqual(got);
  });

  test("what makes no sense is refused by name", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const policy = createTinyPolicy(gpu);
    await expect(computeReferenceLogProbs(policy, [])).rejects.toThrow(EmptyDataError);
    await expect(computeReferenceLogProbs(policy, pairs, { batch: 1.5 })).rejects.toThrow(OutOfRangeError);
    const empty: PreferencePair = { ...pairs[0]!, chosen: new Int32Array(0) };
    await expect(computeReferenceLogProbs(policy, [empty])).rejects.toThrow(
      "computeReferenceLogProbs: pairs[0].chosen: expected at least one token, got none.",
    );
    gpu.write(policy.arena.get("head"), new Float32Array(policy.arena.get("head").size).fill(Number.NaN));
    await expect(computeReferenceLogProbs(policy, pairs)).rejects.toThrow(NonFiniteError);
    await expect(computeReferenceLogProbs(policy, pairs)).rejects.toThrow(
      "computeReferenceLogProbs: pairs[0]: expected finite log-probs, got chosen NaN, rejected NaN.",
    );
  });
});

describe("the cache", () => {
  let cache: string;
  let notes: string[];
  const onNote = (note: string): void => void notes.push(note);
  beforeEach(() => {
    cache = join(temporaryFolder(), "deep", "reference.safetensors");
    notes = [];
  });

  /** What the cache gives, and whether the policy was asked. */
  async function run(policy: Policy, given = pairs) {
    const logits = vi.spyOn(policy, "logits");
    const values = await computeReferenceLogProbs(policy, given, { cache, onNote });
    const computed = logits.mock.calls.length > 0;
    logits.mockRestore();
    return { values, computed };
  }

  test("a second call reads it, also after other values were in memory", async () => {
    using _scope = device.gpu.scope();
    const first = await run(createTinyPolicy(device.gpu));
    expect([first.computed, notes]).toEqual([true, []]);
    const second = await run(createTinyPolicy(device.gpu));
    expect(second).toEqual({ values: first.values, computed: false });
    expect(notes).toEqual([`reference log-probs of 11 pairs read from ${cache}`]);
    expect(readdirSync(join(cache, ".."))).toEqual(["reference.safetensors"]);
  });

  test("one of other pairs, or of other weights, is computed anew and replaced", async () => {
    using _scope = device.gpu.scope();
    const policy = createTinyPolicy(device.gpu);
    await run(policy);
    const reordered = [pairs[1]!, pairs[0]!, ...pairs.slice(2)];
    const others = await run(policy, reordered);
    expect(others.computed).toBe(true);
    expect(others.values.chosen[0]).not.toBe(others.values.chosen[1]);
    fillNormal(policy.arena.get("head"), 0.3, { seed: 9 });
    expect((await run(policy, reordered)).computed).toBe(true);
    expect((await run(policy, reordered)).computed).toBe(false);
    expect(notes).toEqual([
      `${cache} is of other pairs: reference log-probs are computed anew`,
      `${cache} is of other weights: reference log-probs are computed anew`,
      `reference log-probs of 11 pairs read from ${cache}`,
    ]);
  });

  test("the border between prompt and completion belongs to the pairs", async () => {
    using _scope = device.gpu.scope();
    const policy = createTinyPolicy(device.gpu);
    const [one, two, three] = [Int32Array.of(1), Int32Array.of(1, 2), Int32Array.of(3, 4)];
    await run(policy, [{ prompt: two, chosen: one, rejected: three }]);
    const moved = { prompt: one, chosen: Int32Array.of(2, 1), rejected: three };
    expect((await run(policy, [moved])).computed).toBe(true);
  });

  test.each<[string, (bytes: Buffer) => Uint8Array]>([
    ["cut off", (bytes) => bytes.subarray(0, bytes.length - 5)],
    ["empty", () => new Uint8Array(0)],
    ["with a turned bit", (bytes) => bytes.map((byte, i) => (i === bytes.length - 2 ? byte ^ 1 : byte))],
    ["of something else", () => Buffer.from("not a safetensors file at all")],
  ])("one that is %s is computed anew, and said", async (_, damage) => {
    using _scope = device.gpu.scope();
    const policy = createTinyPolicy(device.gpu);
    const { values } = await run(policy);
    writeFileSync(cache, damage(readFileSync(cache)));
    expect(await run(policy)).toEqual({ values, computed: true });
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/reference\.safetensors is torn \(.+\): reference log-probs are computed anew$/);
    expect(await run(policy)).toEqual({ values, computed: false });
  });

  test("a file that cannot be written or read is named, before anything is computed", async () => {
    using _scope = device.gpu.scope();
    const policy = createTinyPolicy(device.gpu);
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    const below = join(file, "reference.safetensors");
    await expect(computeReferenceLogProbs(policy, pairs, { cache: below })).rejects.toThrow(ReferenceCacheError);
    await expect(computeReferenceLogProbs(policy, pairs, { cache: below })).rejects.toThrow(below);
    const folder = temporaryFolder();
    await expect(computeReferenceLogProbs(policy, pairs, { cache: folder })).rejects.toThrow(ReferenceCacheError);
  });
});

describe("preferenceAccuracy", () => {
  test("share of pairs whose chosen completion is likelier, a token or in all", async () => {
    using _scope = device.gpu.scope();
    const policy = createTinyPolicy(device.gpu);
    const { chosen, rejected } = await computeReferenceLogProbs(policy, pairs);
    const share = (score: (p: number) => number) => pairs.filter((_, p) => score(p) > 0).length / pairs.length;
    const bySequence = share((p) => chosen[p]! - rejected[p]!);
    const byToken = share((p) => chosen[p]! / pairs[p]!.chosen.length - rejected[p]! / pairs[p]!.rejected.length);
    expect(byToken).not.toBe(bySequence);
    expect(await preferenceAccuracy(policy, pairs)).toEqual({ accuracy: byToken, n: 11 });
    expect(await preferenceAccuracy(policy, pairs, { by: "sequence", batch: 3 })).toEqual({
      accuracy: bySequence,
      n: 11,
    });
  });

  test("with a reference, gains over it: a half under the reference itself", async () => {
    using _scope = device.gpu.scope();
    const policy = createTinyPolicy(device.gpu);
    const reference = await computeReferenceLogProbs(policy, pairs);
    expect((await preferenceAccuracy(policy, pairs, { reference })).accuracy).toBe(0.5);
    // A reference that found the first pair's rejected completion less likely: that one has gained, the others have not.
    const rejected = reference.rejected.map((value, p) => (p === 0 ? value - 1 : value));
    const { accuracy } = await preferenceAccuracy(policy, pairs, { reference: { ...reference, rejected } });
    expect(accuracy).toBeCloseTo(0.5 - 0.5 / pairs.length, 12);
    const other = { chosen: reference.chosen.subarray(1), rejected: reference.rejected.subarray(1) };
    await expect(preferenceAccuracy(policy, pairs, { reference: other })).rejects.toThrow(
      "preferenceAccuracy: reference: expected log-probs of 11 pairs, got 10 chosen, 10 rejected.",
    );
  });

  test("equal completions are no preference; other words for `by` are refused", async () => {
    using _scope = device.gpu.scope();
    const policy = createTinyPolicy(device.gpu);
    const equal = pairs.map((pair) => ({ ...pair, rejected: pair.chosen }));
    expect((await preferenceAccuracy(policy, equal)).accuracy).toBe(0.5);
    const by = "letter" as "token";
    await expect(preferenceAccuracy(policy, pairs, { by })).rejects.toThrow(
      'preferenceAccuracy: by: expected "token" or "sequence", got "letter".',
    );
  });
});
