import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { expectNear, useTestGpu } from "@ds3/testing";
import { describe, expect, test, vi } from "vitest";
import { smallConfig, weightsOf } from "../test/small-model.ts";
import { generate } from "./generate.ts";
import type { GeneratedSequence, GenerateOptions, NewTokens } from "./generate-options.ts";
import { modelRef } from "./model.ref.ts";
import { createDeepseek } from "./model.ts";

const device = useTestGpu();
const config = { ...smallConfig, numNextnPredictLayers: 0 };
const V = config.vocabSize;
/** Of lengths 4, 1, 9, 5. */
const prompts = ["3 10 17 24", "31", "38 5 12 19 26 33 0 7 14", "21 28 35 2 9"].map((ids) =>
  Int32Array.from(ids.split(" "), Number),
);
const drawing = { maxNewTokens: 7, temperature: 0.7, seed: 5 } as const;

/** ln softmax(logits / temperature) of a sequence's new tokens by the f64 model over prompt and tokens. */
function logProbsRef(
  weights: Record<string, Float64Array>,
  prompt: Int32Array,
  tokens: Int32Array,
  temperature: number,
) {
  const ids = Int32Array.of(...prompt, ...tokens);
  const { logits } = modelRef(config, weights, ids, { batch: 1, length: ids.length });
  return Array.from(tokens, (id, t) => {
    const at = (prompt.length - 1 + t) * V;
    const row = logits.slice(at, at + V).map((logit) => logit / temperature);
    const largest = Math.max(...row);
    return row[id]! - largest - Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
  });
}

describe("generate", () => {
  test("greedy tokens and log-probs of ragged prompts are those of the f64 model over each alone", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 6 });
    const weights = await weightsOf(model);
    const got = await generate(model, prompts, { maxNewTokens: 8 });
    expect(got.map(({ prompt }) => prompt)).toEqual([0, 1, 2, 3]);
    for (const { prompt, tokens, logProbs, stopped } of got) {
      const sequence = [...prompts[prompt]!];
      for (let t = 0; t < 8; t++) {
        const { logits } = modelRef(config, weights, Int32Array.from(sequence), { batch: 1, length: sequence.length });
        const last = logits.subarray(-V);
        sequence.push(last.indexOf(Math.max(...last)));
      }
      expect([...tokens]).toEqual(sequence.slice(prompts[prompt]!.length));
      expect(stopped).toBe(false);
      expectNear("logProbs", logProbs, logProbsRef(weights, prompts[prompt]!, tokens, 1), [8], 1e-5);
    }
  });

  test.each<[string, Partial<GenerateOptions>]>([
    ["temperature 0.7", {}],
    ["every filter", { temperature: 1.3, topK: 20, topP: 0.9, minP: 0.05 }],
    ["sequences that stop and leave", { stopTokens: Array.from({ length: 10 }, (_, i) => 4 * i) }],
    ["few at once", { sequencesAtOnce: 5 }],
    ["fewer at once than a prompt has samples", { sequencesAtOnce: 2 }],
  ])("drawn log-probs are those of a forward pass: %s", async (_, more) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 7 });
    const weights = await weightsOf(model);
    const options = { ...drawing, samplesPerPrompt: 3, ...more };
    const got = await generate(model, prompts, options);
    expect(got.map(({ prompt }) => prompt)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
    for (const { prompt, tokens, logProbs, stopped } of got) {
      const want = logProbsRef(weights, prompts[prompt]!, tokens, options.temperature);
      expectNear("logProbs", logProbs, want, [tokens.length], 1e-5);
      const stop = tokens.findIndex((id) => options.stopTokens?.includes(id) ?? false);
      expect([stopped, tokens.length]).toEqual([stop >= 0, stop >= 0 ? stop + 1 : 7]);
    }
    if (options.stopTokens) expect(new Set(got.map(({ tokens }) => tokens.length)).size).toBeGreaterThan(2);
    else expect(new Set(got.map(({ tokens }) => tokens.join())).size).toBe(got.length);
  });

  test("a seed draws the same tokens, whatever else is in the batch and however many go at once", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 8 });
    const draw = async (ids: readonly Int32Array[], more: Partial<GenerateOptions> = {}): Promise<number[][]> => {
      const got = await generate(model, ids, { ...drawing, samplesPerPrompt: 2, ...more });
      return got.map(({ tokens }) => [...tokens]);
    };
    const want = await draw(prompts);
    expect(await draw(prompts)).toEqual(want);
    for (const sequencesAtOnce of [1, 3, 4]) expect(await draw(prompts, { sequencesAtOnce })).toEqual(want);
    expect(await draw(prompts.slice(0, 2))).toEqual(want.slice(0, 4));
    const others = [prompts[3]!, prompts[2]!, prompts[2]!, prompts[0]!];
    expect((await draw(others)).slice(4, 6)).toEqual(want.slice(4, 6));
    expect(await draw(prompts, { stopTokens: [want[0]![1]!] })).toContainEqual(
      want[0]!.slice(0, want[0]!.indexOf(want[0]![1]!) + 1),
    );
    expect(await draw(prompts, { seed: 6 })).not.toEqual(want);
    expect(await draw(prompts, { topK: 1 })).toEqual(await draw(prompts, { temperature: 0 }));
  });

  test("each prompt is encoded once, whatever the number of its samples", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 9 });
    const forward = vi.spyOn(model, "forward");
    await generate(model, prompts, { ...drawing, samplesPerPrompt: 4 });
    expect(forward.mock.calls.map(([{ batch, length }]) => [batch, length])).toEqual([[4, 9]]);
  });

  test("tokens are reported as they come, and a stopped sequence is not there any more", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 10 });
    const steps: NewTokens[] = [];
    const stopTokens = Array.from({ length: 10 }, (_, i) => 4 * i + 1);
    const got = await generate(model, prompts, { ...drawing, stopTokens, onTokens: (step) => void steps.push(step) });
    const streamed: number[][] = prompts.map(() => []);
    for (const { sequences, ids } of steps) for (const [a, i] of sequences.entries()) streamed[i]!.push(ids[a]!);
    expect(streamed).toEqual(got.map(({ tokens }) => [...tokens]));
    expect(steps.map(({ ids }) => ids.length)).toEqual(
      steps.map((_, t) => got.filter(({ tokens }) => tokens.length > t).length),
    );
    expect(got.some(({ stopped }) => stopped)).toBe(true);
  });

  test("a sequence ends where maxPositionEmbeddings does", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, { ...config, maxPositionEmbeddings: 12 }, { seed: 11 });
    const got = await generate(model, prompts, { maxNewTokens: 5 });
    expect(got.map(({ tokens }) => tokens.length)).toEqual([5, 5, 3, 5]);
    const free = await generate(createDeepseek(gpu, config, { seed: 11 }), prompts, { maxNewTokens: 5 });
    expect([...got[2]!.tokens]).toEqual([...free[2]!.tokens.subarray(0, 3)]);
    expect(got.every(({ stopped }) => !stopped)).toBe(true);
  });

  test("no prompts, no sequences", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    expect(await generate(createDeepseek(gpu, config), [], { maxNewTokens: 3 })).toEqual([]);
  });

  test.each<[Partial<GenerateOptions>, RegExp]>([
    [{ maxNewTokens: 0 }, /maxNewTokens: expected an integer >= 1, got 0/],
    [{ temperature: -1 }, /temperature: .*got -1/],
    [{ temperature: Number.NaN }, /temperature: .*got NaN/],
    [{ topK: 0 }, /topK: .*got 0/],
    [{ topP: 0 }, /topP: expected a number in \(0, 1\], got 0/],
    [{ minP: 1.5 }, /minP: .*got 1.5/],
    [{ seed: 0.5 }, /seed: .*got 0.5/],
    [{ samplesPerPrompt: 0 }, /samplesPerPrompt: .*got 0/],
    [{ sequencesAtOnce: 0 }, /sequencesAtOnce: .*got 0/],
  ])("option %o is refused", async (options, message) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const generating = generate(createDeepseek(gpu, config), prompts, { maxNewTokens: 2, ...options });
    await expect(generating).rejects.toThrow(OutOfRangeError);
    await expect(generating).rejects.toThrow(message);
  });

  test("a prompt that cannot be continued is named with its length and the context's", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config);
    const before = gpu.stats;
    const refusal = (prompt: Int32Array): Promise<unknown> =>
      generate(model, [prompts[0]!, prompt], { maxNewTokens: 2 }).catch((error: unknown) => error);
    const long = await refusal(new Int32Array(64));
    expect(OutOfRangeError.is(long)).toBe(true);
    expect(`${long}`).toMatch(/prompts\[1\]: expected at most 63 tokens, .*maxPositionEmbeddings = 64, got 64/);
    expect(ShapeError.is(await refusal(new Int32Array(0)))).toBe(true);
    expect(`${await refusal(Int32Array.of(1, 40))}`).toMatch(/prompts\[1\]\[1\]: .*vocabSize = 40, got 40/);
    expect([gpu.stats.liveBuffers, gpu.stats.dispatches]).toEqual([before.liveBuffers, before.dispatches]);
  });
});

describe("what generate holds", () => {
  /** Bytes alive while decoding, beside those before the call, and the highest ones. */
  const bytesOf = async (maxNewTokens: number, samplesPerPrompt: number): Promise<{ held: number[]; peak: number }> => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 12 });
    await generate(model, prompts, { maxNewTokens: 2 });
    const before = gpu.stats.liveBytes;
    const held: number[] = [];
    const onTokens = (): void => void held.push(gpu.stats.liveBytes - before);
    gpu.resetPeak();
    await generate(model, [prompts[2]!], { maxNewTokens, samplesPerPrompt, onTokens });
    expect(gpu.stats.liveBytes).toBe(before);
    return { held, peak: gpu.stats.peakBytes - before };
  };

  test("is the latent caches, sequences x capacity x (kvLoraRank + qkRopeHeadDim) x 4 a layer, and ids on their way", async () => {
    // The prompt's 9 tokens and all new ones but the last, which nothing follows: 16 and 32, as buffers come in sizes.
    const cacheBytes = (capacity: number): number => 2 * 4 * capacity * (config.kvLoraRank + config.qkRopeHeadDim) * 4;
    const [short, long] = [await bytesOf(8, 4), await bytesOf(24, 4)];
    // The ids of a step that is encoded while the one before it is read: the smallest buffer there is.
    const ids = (step: number, steps: number): number => (step === 0 || step === steps - 1 ? 0 : 256);
    expect(short.held).toEqual(Array.from({ length: 8 }, (_, t) => cacheBytes(16) + ids(t, 8)));
    expect(long.held).toEqual(Array.from({ length: 24 }, (_, t) => cacheBytes(32) + ids(t, 24)));
    expect(long.peak - short.peak).toBe(cacheBytes(32) - cacheBytes(16));
  });

  test.each([
    ["onTokens throws", 3],
    ["onTokens throws at once", 1],
  ])("is freed when %s", async (_, at) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 13 });
    await generate(model, prompts, { maxNewTokens: 2 });
    const before = gpu.stats.liveBuffers;
    let calls = 0;
    const onTokens = (): void => {
      calls++;
      if (calls === at) throw new RangeError("enough");
    };
    await expect(generate(model, prompts, { ...drawing, onTokens })).rejects.toThrow("enough");
    expect([calls, gpu.stats.liveBuffers]).toEqual([at, before]);
  });

  test("is freed when a signal ends the call, which returns what is there", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 14 });
    const whole = await generate(model, prompts, drawing);
    const before = gpu.stats.liveBuffers;
    const lengths = (got: readonly GeneratedSequence[]): number[] => got.map(({ tokens }) => tokens.length);
    const abortAfter = (steps: number, more: object = {}): Promise<GeneratedSequence[]> => {
      const controller = new AbortController();
      let calls = 0;
      const onTokens = (): void => {
        calls++;
        if (calls === steps) controller.abort();
      };
      return generate(model, prompts, { ...drawing, onTokens, signal: controller.signal, ...more });
    };
    const some = await abortAfter(3);
    expect(some.map(({ tokens }) => [...tokens])).toEqual(whole.map(({ tokens }) => [...tokens.subarray(0, 3)]));
    expect(some.map(({ logProbs, stopped }) => [logProbs.length, stopped])).toEqual(new Array(4).fill([3, false]));
    expect(lengths(await abortAfter(9, { sequencesAtOnce: 2 }))).toEqual([7, 7, 2, 2]);
    gpu.resetPeak();
    expect(lengths(await abortAfter(0, { signal: AbortSignal.abort() }))).toEqual([0, 0, 0, 0]);
    expect(gpu.stats.peakBytes).toBe(gpu.stats.liveBytes);
    expect(gpu.stats.liveBuffers).toBe(before);
  });

  test("a signal while prompts are encoded leaves out those of the next forward pass", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 14 });
    const controller = new AbortController();
    const forward = model.forward.bind(model);
    vi.spyOn(model, "forward").mockImplementation((...tokens) => {
      controller.abort();
      return forward(...tokens);
    });
    // One pass takes 2048 tokens: 34 of these prompts.
    const many = Array.from({ length: 36 }, () => new Int32Array(60).fill(1));
    const got = await generate(model, many, { maxNewTokens: 4, signal: controller.signal });
    expect(got.map(({ tokens }) => tokens.length)).toEqual([...new Array(34).fill(1), 0, 0]);
  });
});
