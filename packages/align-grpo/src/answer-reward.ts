import { type Completion, type Reward, type RewardOptions, reward } from "./reward.ts";

/** Options of `answerReward`. */
export interface AnswerRewardOptions extends RewardOptions {
  /** The right answer. Default: the prompt's `answer`. */
  readonly answerOf?: (completion: Completion) => string | undefined;
  /** Reward of a right answer. Default 1. */
  readonly correct?: number;
  /** Reward of any other, and where no answer is known. Default 0. */
  readonly wrong?: number;
}

/**
 * `correct` when the completion's answer is the right one, else `wrong`. Named `answer`. See `isSameAnswer`.
 */
export function answerReward(options: AnswerRewardOptions = {}): Reward {
  const { name = "answer", answerOf = ({ prompt }) => prompt.answer, correct = 1, wrong = 0, ...rest } = options;
  return reward(
    name,
    (completion) => {
      const answer = answerOf(completion);
      return answer !== undefined && isSameAnswer(completion.text, answer) ? correct : wrong;
    },
    rest,
  );
}

/**
 * Whether a text comes to the right answer.
 *
 * Of a text with `</think>` only what follows the last one counts. Its answer is what follows the last `####` on its line,
 * else the last `\boxed{...}`, else all of it; the right answer is read in the same way. Numbers are compared by value,
 * exactly, whatever their thousands separators and trailing zeros: a marked answer must hold one number alone, so that
 * listing many does not help; unmarked text gives its last number. Anything else is compared as text, without regard to
 * case, width, space, and a full stop at its end.
 */
export function isSameAnswer(text: string, answer: string): boolean {
  const [given, right] = [answerIn(text), answerIn(answer)];
  const [wanted, more] = numbersIn(right.text);
  const isNumber = wanted !== undefined && more === undefined && /^[^\p{L}]*$/u.test(withoutUnits(right.text));
  if (!isNumber) return normalise(given.text) === normalise(right.text);
  const numbers = numbersIn(given.text);
  if (given.isMarked && numbers.length !== 1) return false;
  return numbers.at(-1) === wanted;
}

interface FoundAnswer {
  readonly text: string;
  /** After `####` or in `\boxed{}`. */
  readonly isMarked: boolean;
}

function answerIn(whole: string): FoundAnswer {
  const text = whole.slice(whole.lastIndexOf("</think>") + (whole.includes("</think>") ? "</think>".length : 1));
  const marker = text.lastIndexOf("####");
  if (marker >= 0) return { text: text.slice(marker + 4).split("\n", 1)[0]!, isMarked: true };
  const boxed = lastBoxed(text);
  return boxed === undefined ? { text, isMarked: false } : { text: boxed, isMarked: true };
}

/** The content of the last `\boxed{...}` whose braces close. */
function lastBoxed(text: string): string | undefined {
  const open = "\\boxed{";
  for (let from = text.lastIndexOf(open); from >= 0; from = from === 0 ? -1 : text.lastIndexOf(open, from - 1)) {
    let depth = 1;
    for (let i = from + open.length; i < text.length; i++) {
      if (text[i] === "{") depth += 1;
      if (text[i] === "}") depth -= 1;
      if (depth === 0) return text.slice(from + open.length, i);
    }
  }
  return undefined;
}

/** A sign counts only where no number, letter or bracket stands before it: 5-3 has none. */
const NUMBER = /(?:(?<![\p{L}\d)\]])[-−])?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<!\d)\.\d+/gu;

/** Numbers in a text as decimal digits in one spelling: no separators, no leading or trailing zeros. */
function numbersIn(text: string): string[] {
  return Array.from(text.normalize("NFKC").matchAll(NUMBER), ([found]) => canonical(found.replaceAll(",", "")));
}

function canonical(number: string): string {
  const isNegative = /^[-−]/.test(number);
  const [whole = "", fraction = ""] = number.replace(/^[-−]/, "").split(".");
  const [digits, rest] = [whole.replace(/^0+(?=\d)/, "") || "0", fraction.replace(/0+$/, "")];
  const magnitude = rest === "" ? digits : `${digits}.${rest}`;
  return isNegative && magnitude !== "0" ? `-${magnitude}` : magnitude;
}

/** A right answer such as `$1,200` or `5 km` is a number; `model 3` is not: only what follows the number is left out. */
function withoutUnits(text: string): string {
  return text.replace(/(?<=\d)\s*[\p{L}%]+\s*\.?\s*$/u, "");
}

function normalise(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/\s+/g, " ")
    .trim()
    .replace(/[.。]$/, "")
    .trimEnd();
}
