import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { RewardError, RewardTimeoutError } from "./errors.ts";
import type { Completion, Reward } from "./reward.ts";

/** Options of `scoreCompletions`. */
export interface ScoreOptions {
  /** Time for each call of a reward function, in milliseconds; Infinity: no limit. Default 60,000. */
  readonly timeoutMs?: number;
  /** A failed reward ends the run, or takes its completion out of the group. Default `throw`. */
  readonly onRewardError?: "throw" | "drop";
  /** Ends the wait: the signals of reward functions are aborted, and its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** Rewards of completions. */
export interface Scores {
  /** [completions] weighted sum of all rewards; null: dropped. */
  readonly totals: readonly (number | null)[];
  /** Mean of each reward over the completions that were kept, without its weight; 0 when none was. */
  readonly means: Readonly<Record<string, number>>;
  readonly dropped: number;
}

/** A completion's reward, or why it has none. */
type Outcome = number | RewardError;

/** How long calls may take, and what ends all that are waited for. */
interface Patience {
  readonly timeoutMs: number;
  /** Aborted when the wait is over: by the caller, or by a failure that is thrown. */
  readonly signal: AbortSignal;
  readonly waiting: Set<() => void>;
  readonly onFailure: (error: RewardError) => void;
}

/**
 * Asks every reward for every completion and adds up: sum of weight x reward. Reward functions run side by side, each call
 * with its own time limit.
 *
 * A function that throws, gives a number that is not finite, or as many numbers as there are not completions, is a
 * RewardError; one that does not settle in time a RewardTimeoutError. They name reward, prompt and completion. With
 * `onRewardError: "drop"` such a completion gets no total and is counted; a reward without `scoreOne` that fails as a whole
 * drops every completion. With `throw` the first failure in time ends the wait for all others: their signals are aborted, and
 * it is thrown. Time limits do not reach a synchronous endless loop.
 *
 * @throws RewardError, RewardTimeoutError; ConfigError when there is no reward or two have one name; OutOfRangeError.
 */
export async function scoreCompletions(
  rewards: readonly Reward[],
  completions: readonly Completion[],
  options: ScoreOptions = {},
): Promise<Scores> {
  const { timeoutMs = 60_000, onRewardError = "throw", signal } = options;
  checkRewards(rewards, timeoutMs);
  signal?.throwIfAborted();
  const columns = await withPatience(timeoutMs, onRewardError, signal, (patience) =>
    Promise.all(rewards.map((reward) => outcomesOf(reward, completions, patience))),
  );
  const kept = completions.map((_, i) => columns.every((column) => typeof column[i] === "number"));
  const sum = (i: number): number =>
    rewards.reduce((total, { weight = 1 }, j) => total + weight * (columns[j]![i] as number), 0);
  const totals = kept.map((isKept, i) => (isKept ? sum(i) : null));
  const means = rewards.map(
    ({ name }, j) => [name, meanOf(columns[j]!.filter((_, i) => kept[i]) as number[])] as const,
  );
  return { totals, means: Object.fromEntries(means), dropped: kept.filter((isKept) => !isKept).length };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** One listener at the signal for however many calls: Node warns of more than ten. */
async function withPatience<T>(
  timeoutMs: number,
  onRewardError: "throw" | "drop",
  signal: AbortSignal | undefined,
  ask: (patience: Patience) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const waiting = new Set<() => void>();
  const endAll = (reason: unknown): void => {
    over.abort(reason);
    for (const end of waiting) end();
  };
  const onAbort = (): void => endAll(signal?.reason);
  const onFailure = (error: RewardError): void => {
    if (onRewardError === "throw" && !over.signal.aborted) endAll(error);
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const asked = await ask({ timeoutMs, signal: over.signal, waiting, onFailure });
    over.signal.throwIfAborted();
    return asked;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

async function outcomesOf(reward: Reward, completions: readonly Completion[], patience: Patience): Promise<Outcome[]> {
  if (completions.length === 0) return [];
  const { scoreOne } = reward;
  if (!scoreOne) return batchOutcomes(reward, completions, patience);
  return Promise.all(
    completions.map(async (completion) => {
      const score = await settle(reward.name, nameOf(completion), patience, (signal) =>
        scoreOne.call(reward, completion, signal),
      );
      return heard(checked(reward.name, completion, score), patience);
    }),
  );
}

async function batchOutcomes(
  reward: Reward,
  completions: readonly Completion[],
  patience: Patience,
): Promise<Outcome[]> {
  const which = `${nameOf(completions[0]!)} to ${nameOf(completions.at(-1)!)}`;
  const scores = await settle(reward.name, which, patience, (signal) => reward.score(completions, signal));
  if (RewardError.is(scores)) return completions.map(() => heard(scores as RewardError, patience));
  const numbers = scores as readonly number[];
  if (numbers?.length === completions.length) {
    return completions.map((of, i) => heard(checked(reward.name, of, numbers[i]), patience));
  }
  const error = failure(reward.name, which, `${completions.length} numbers`, `${numbers?.length ?? numbers}`);
  return completions.map(() => heard(error, patience));
}

/** What the function gave, or an error that says that it threw, or that the wait is over. */
async function settle<T>(
  name: string,
  which: string,
  { timeoutMs, signal, waiting }: Patience,
  call: (signal: AbortSignal) => T | Promise<T>,
): Promise<T | RewardError> {
  const abort = new AbortController();
  let end = (): void => {};
  const late = new Promise<RewardError>((resolve) => {
    end = () => {
      const error = timeout(name, which, timeoutMs);
      resolve(error);
      abort.abort(signal.aborted ? signal.reason : error);
    };
  });
  const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(end, timeoutMs);
  waiting.add(end);
  if (signal.aborted) end();
  try {
    return await Promise.race([call(abort.signal), late]);
  } catch (cause) {
    const actual = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    return failure(name, which, "a reward", actual, cause);
  } finally {
    clearTimeout(timer);
    waiting.delete(end);
  }
}

/** The outcome, of which a failure may end the wait for the others. */
function heard<T extends Outcome>(outcome: T, { onFailure }: Patience): T {
  if (typeof outcome !== "number") onFailure(outcome);
  return outcome;
}

function checked(name: string, completion: Completion, score: unknown): Outcome {
  if (RewardError.is(score)) return score as RewardError;
  if (typeof score === "number" && Number.isFinite(score)) return score;
  return failure(name, nameOf(completion), "a finite number", String(score));
}

function nameOf({ promptIndex, sampleIndex }: Completion): string {
  return `prompt ${promptIndex}, completion ${sampleIndex}`;
}

function failure(name: string, which: string, expected: string, actual: string, cause?: unknown): RewardError {
  const hint = 'Mend the reward function, or let onRewardError: "drop" leave such completions out.';
  return new RewardError({ op: "reward", operand: `"${name}" of ${which}`, expected, actual, hint, cause });
}

function timeout(name: string, which: string, timeoutMs: number): RewardTimeoutError {
  const expected = `a reward within ${timeoutMs} ms`;
  const hint = 'Give it more time by timeoutMs, or let onRewardError: "drop" leave such completions out.';
  return new RewardTimeoutError({ op: "reward", operand: `"${name}" of ${which}`, expected, actual: "none yet", hint });
}

function checkRewards(rewards: readonly Reward[], timeoutMs: number): void {
  const names = rewards.map(({ name }) => name);
  if (names.length === 0 || new Set(names).size < names.length) {
    const expected = "at least one reward, each with a name of its own";
    throw new ConfigError({ op: "scoreCompletions", operand: "rewards", expected, actual: names.join(", ") || "none" });
  }
  for (const { name, weight = 1 } of rewards) {
    if (Number.isFinite(weight)) continue;
    const operand = `weight of "${name}"`;
    throw new OutOfRangeError({ op: "scoreCompletions", operand, expected: "a finite number", actual: `${weight}` });
  }
  const isTime = timeoutMs > 0 && (timeoutMs < 2 ** 31 || timeoutMs === Number.POSITIVE_INFINITY);
  if (isTime) return;
  const expected = "above 0 and below 2^31, or Infinity";
  throw new OutOfRangeError({ op: "scoreCompletions", operand: "timeoutMs", expected, actual: `${timeoutMs}` });
}
