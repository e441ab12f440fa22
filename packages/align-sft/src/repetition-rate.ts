import { OutOfRangeError } from "@ds3/errors";

/** What a model wrote after a prompt. */
export interface Completion {
  readonly tokens: ArrayLike<number>;
  /** Whether it ended by itself; else it was cut off at the most tokens that it might write. */
  readonly stopped: boolean;
}

/** Options of `repetitionRate`. */
export interface RepetitionOptions {
  /** How often the text must be there at the end, in a row, to count as repeated without end. Default 4. */
  readonly repeats?: number;
}

/**
 * Share of completions that do not end and repeat a sequence instead: the measure by which DeepSeek LLM chose to fine-tune
 * in two stages (arXiv 2401.02954, section on alignment). There it is said in words; as a rule it is: the completion was
 * cut off, and for some period p its last `repeats` p tokens are one sequence of p tokens, `repeats` times.
 *
 * Differs from the paper: it does not state a number of repeats; the default of 4 is ours.
 *
 * 0 for no completions. Cost: at most tokens^2 / repeats comparisons a completion.
 * @throws OutOfRangeError when `repeats` is no integer >= 2.
 */
export function repetitionRate(completions: readonly Completion[], options: RepetitionOptions = {}): number {
  const { repeats = 4 } = options;
  if (!Number.isSafeInteger(repeats) || repeats < 2) {
    const expected = "an integer of at least 2";
    throw new OutOfRangeError({ op: "repetitionRate", operand: "repeats", expected, actual: `${repeats}` });
  }
  const repeating = completions.filter(({ tokens, stopped }) => !stopped && endsRepeating(tokens, repeats));
  return repeating.length / Math.max(1, completions.length);
}

function endsRepeating(tokens: ArrayLike<number>, repeats: number): boolean {
  for (let period = 1; period * repeats <= tokens.length; period++) {
    if (equalAtDistance(tokens, period, period * (repeats - 1))) return true;
  }
  return false;
}

/** Whether each of the last `count` tokens equals the one `period` before it. */
function equalAtDistance(tokens: ArrayLike<number>, period: number, count: number): boolean {
  for (let i = tokens.length - 1; i >= tokens.length - count; i--) if (tokens[i] !== tokens[i - period]) return false;
  return true;
}
