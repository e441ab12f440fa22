import { getEventListeners } from "node:events";
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { describe, expect, onTestFinished, test } from "vitest";
import { completionOf } from "../test/completions.ts";
import { answerReward, isSameAnswer } from "./answer-reward.ts";
import { RewardError, RewardTimeoutError } from "./errors.ts";
import { formatReward } from "./format-reward.ts";
import { type Completion, type Reward, reward } from "./reward.ts";
import { scoreCompletions } from "./score-completions.ts";
import { softOverlongReward } from "./soft-overlong-reward.ts";

const scoreOf = (of: Reward, completion: Completion): unknown => of.scoreOne!(completion, new AbortController().signal);

describe("isSameAnswer", () => {
  test.each([
    ["It is 3 + 4 = 7.", "7", true],
    ["It is 3 + 4 = 8.", "7", false],
    ["so\n#### 1,234\n", "He has 1200 + 34.\n#### 1234", true],
    ["#### 1,234.50", "1234.5", true],
    ["\\boxed{\\frac{1}{2}}", "\\frac{1}{2}", true],
    ["first \\boxed{3}, no: \\boxed{4}", "4", true],
    ["\\boxed{5", "5", true],
    ["<think>maybe 9</think> It is 8", "8", true],
    ["<think>it is 8</think> It is 9", "8", false],
    ["<think>#### 8</think> It is 9", "8", false],
    ["10-3 is the answer", "3", true],
    ["10-3 is the answer", "-3", false],
    ["x = -3", "-3", true],
    ["x = −3", "-3", true],
    ["０７", "7", true],
    [".50", "0.5", true],
    ["-0", "0", true],
    ["9007199254740993", "9007199254740992", false],
    ["#### 1 2 3 7", "7", false],
    ["#### $7 ", "7", true],
    ["1 2 3 7", "7", true],
    ["no number", "7", false],
    ["", "7", false],
    ["7", "5 km", false],
    ["5", "5 km", true],
    ["It has 1,20 marbles", "20", true],
    ["<think>hm</think>\n Paris. ", "paris", true],
    ["<think>hm</think> Rome", "Paris", false],
    ["Paris", "Paris", true],
    ["model 4", "model 3", false],
    ["北京。", "北京", true],
    ["2024-05-06", "2024-05-06", true],
    ["06", "2024-05-06", false],
    ["3/4", "3/4", true],
    ["4", "3/4", false],
  ])("%j against %j: %s", (text, answer, same) => {
    expect(isSameAnswer(text, answer)).toBe(same);
  });
});

describe("rules", () => {
  test("answerReward compares with the prompt's answer, or another", () => {
    const prompt = { ids: Int32Array.of(1), answer: "12", record: { solution: "13" } };
    const completion = completionOf("12", { prompt });
    expect(scoreOf(answerReward(), completion)).toBe(1);
    expect(scoreOf(answerReward(), completionOf("12"))).toBe(0);
    const other = answerReward({ answerOf: () => "13", correct: 2, wrong: -1, weight: 3, name: "other" });
    expect([scoreOf(other, completion), other.weight, other.name]).toEqual([-1, 3, "other"]);
  });

  test.each([
    ["<think>a</think> b", 1],
    ["\n<think></think>b", 1],
    ["<think>a</think> ", 0],
    ["b <think>a</think> b", 0],
    ["<think>a</think> b </think>", 0],
    ["<think><think>a</think> b", 0],
    ["</think>a<think> b", 0],
    ["b", 0],
    ["a</think> b", 0],
  ])("formatReward of %j is %i", (text, want) => {
    expect(scoreOf(formatReward(), completionOf(text))).toBe(want);
  });

  test("formatReward where the prompt has opened the tag", () => {
    const opened = formatReward({ opensInPrompt: true });
    expect(["a</think> b", "<think>a</think> b"].map((text) => scoreOf(opened, completionOf(text)))).toEqual([1, 0]);
  });

  test("softOverlongReward falls from maxTokens - buffer on", () => {
    const soft = softOverlongReward({ maxTokens: 10, buffer: 4 });
    const lengths = [0, 6, 7, 9, 10, 12];
    const got = lengths.map((length) => scoreOf(soft, completionOf("", { tokens: new Int32Array(length) })));
    expect(got).toEqual([0, 0, -0.25, -0.75, -1, -1]);
    expect(() => softOverlongReward({ maxTokens: 10, buffer: 11 })).toThrow(OutOfRangeError);
    expect(() => softOverlongReward({ maxTokens: 10, buffer: 0 })).toThrow(/buffer 0, maxTokens 10/);
  });
});

const three = [0, 1, 2].map((i) => completionOf(`${i}`, { promptIndex: 4, sampleIndex: i }));

describe("scoreCompletions", () => {
  test("weighted sums of rewards, synchronous and not, and each one's mean", async () => {
    const rewards: Reward[] = [
      reward("value", async ({ text }) => Number(text), { weight: 2 }),
      { name: "batch", weight: -1, score: (all) => all.map(({ sampleIndex }) => sampleIndex * 10) },
    ];
    const scores = await scoreCompletions(rewards, three);
    expect(scores).toEqual({ totals: [0, -8, -16], means: { value: 1, batch: 10 }, dropped: 0 });
    expect(await scoreCompletions(rewards, [])).toEqual({ totals: [], means: { value: 0, batch: 0 }, dropped: 0 });
  });

  const failing = (what: (i: number) => number | Promise<number>): Reward =>
    reward("picky", ({ sampleIndex }) => (sampleIndex === 1 ? what(sampleIndex) : sampleIndex));
  const boom = (): never => {
    throw new TypeError("boom");
  };

  test.each([
    ["throws", () => boom(), /"picky" of prompt 4, completion 1: expected a reward, got TypeError: boom/],
    ["rejects", async () => boom(), /prompt 4, completion 1: expected a reward, got TypeError: boom/],
    ["gives NaN", () => Number.NaN, /prompt 4, completion 1: expected a finite number, got NaN/],
    ["gives undefined", () => undefined as unknown as number, /completion 1: expected a finite number, got undefined/],
  ])("one that %s is named, or its completion dropped", async (_, what, message) => {
    const error = await scoreCompletions([failing(what)], three).catch((reason) => reason);
    expect(RewardError.is(error) && !RewardTimeoutError.is(error)).toBe(true);
    expect(error.message).toMatch(message);
    const scores = await scoreCompletions([failing(what)], three, { onRewardError: "drop" });
    expect(scores).toEqual({ totals: [0, null, 2], means: { picky: 1 }, dropped: 1 });
  });

  test("one that hangs is aborted and named, or its completion dropped", async () => {
    const signals: AbortSignal[] = [];
    const hangs = reward("slow", ({ sampleIndex }, signal) => {
      signals.push(signal);
      return sampleIndex === 2 ? new Promise<number>(() => {}) : 1;
    });
    const error = await scoreCompletions([hangs], three, { timeoutMs: 20 }).catch((reason) => reason);
    expect(RewardTimeoutError.is(error)).toBe(true);
    expect(error.message).toMatch(/"slow" of prompt 4, completion 2: expected a reward within 20 ms, got none yet/);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false, true]);
    const scores = await scoreCompletions([hangs], three, { timeoutMs: 20, onRewardError: "drop" });
    expect(scores.totals).toEqual([1, 1, null]);
  });

  test("a reward that throws ends the wait for one that hangs", async () => {
    const signals: AbortSignal[] = [];
    const hangs = reward("slow", (_, signal) => {
      signals.push(signal);
      return new Promise<number>(() => {});
    });
    const batch: Reward = { name: "batch", score: (_, signal) => hangs.scoreOne!(three[0]!, signal) as Promise<never> };
    const throws = reward("picky", async () => boom());
    const scoring = scoreCompletions([hangs, batch, throws], three, { timeoutMs: 1_000_000 });
    const error = await scoring.catch((reason) => reason);
    expect(error.message).toMatch(/"picky" of prompt 4, completion 0: expected a reward, got TypeError: boom/);
    expect(signals.map(({ reason }) => reason)).toEqual([error, error, error, error]);
  });

  test("a signal ends the wait for a reward that hangs", async () => {
    const abort = new AbortController();
    let heard: unknown;
    const hangs = reward("slow", (_, signal) => {
      signal.addEventListener("abort", () => {
        heard = signal.reason;
      });
      return new Promise<number>(() => {});
    });
    const waiting = scoreCompletions([hangs], three, { signal: abort.signal, onRewardError: "drop" });
    abort.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    expect(heard).toBe("enough");
  });

  test("a hundred completions put one listener on the signal, and take it off: Node has nothing to warn of", async () => {
    const warnings: string[] = [];
    const warn = ({ name }: Error): void => void warnings.push(name);
    process.on("warning", warn);
    onTestFinished(() => void process.off("warning", warn));
    const { signal } = new AbortController();
    const many = Array.from({ length: 100 }, (_, i) => completionOf(`${i}`, { sampleIndex: i }));
    const rewards = [reward("slow", () => new Promise<number>((resolve) => setTimeout(resolve, 5, 1))), answerReward()];
    const scoring = scoreCompletions(rewards, many, { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    expect((await scoring).totals).toEqual(Array(100).fill(1));
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    await new Promise(setImmediate); // warnings are emitted in a later turn
    expect(warnings).toEqual([]);
  });

  test("a reward that aborts the signal itself leaves no later one waiting", async () => {
    const abort = new AbortController();
    const heard: boolean[] = [];
    const quits = reward("quits", (_, signal) => {
      heard.push(signal.aborted);
      abort.abort("enough");
      return new Promise<number>(() => {});
    });
    await expect(scoreCompletions([quits], three, { signal: abort.signal })).rejects.toBe("enough");
    expect(heard).toEqual([false, true, true]);
  });

  test("a batch that fails names its completions, and drops them all", async () => {
    const short: Reward = { name: "short", score: () => [1, 2] };
    const error = await scoreCompletions([short], three).catch((reason) => reason);
    expect(error.message).toMatch(
      /"short" of prompt 4, completion 0 to prompt 4, completion 2: expected 3 numbers, got 2/,
    );
    const slow: Reward = { name: "slow", score: () => new Promise(() => {}) };
    const drop = { onRewardError: "drop", timeoutMs: 20 } as const;
    expect(await scoreCompletions([slow], three, drop)).toEqual({
      totals: [null, null, null],
      means: { slow: 0 },
      dropped: 3,
    });
    const odd: Reward = { name: "odd", score: () => [1, Number.NaN, 3] };
    expect((await scoreCompletions([odd], three, drop)).totals).toEqual([1, null, 3]);
  });

  test("errors", async () => {
    const one = reward("one", () => 1);
    await expect(scoreCompletions([], three)).rejects.toThrow(ConfigError);
    await expect(scoreCompletions([one, one], three)).rejects.toThrow(/each with a name of its own, got one, one/);
    await expect(scoreCompletions([{ ...one, weight: Number.NaN }], three)).rejects.toThrow(/weight of "one"/);
    await expect(scoreCompletions([one], three, { timeoutMs: 0 })).rejects.toThrow(OutOfRangeError);
  });
});
