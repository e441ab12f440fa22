import { createRandom, permutation } from "@ds3/data";

/** Three numbers from 0 to 9 that are to be added. */
export type Sum = readonly [a: number, b: number, c: number];

/** How a sum is asked for: half in English, half in Chinese. */
const questions: readonly ((sum: Sum) => string)[] = [
  ([a, b, c]) => `What is ${a} + ${b} + ${c}?`,
  ([a, b, c]) => `Add ${a}, ${b} and ${c}.`,
  ([a, b, c]) => `${a} 加 ${b} 加 ${c} 等于多少？`,
  ([a, b, c]) => `计算 ${a} + ${b} + ${c}。`,
];

/** Ways to ask for each sum. */
export const questionForms: number = questions.length;

/** A sum as a question in one of the forms. */
export function question(sum: Sum, form: number): string {
  return questions[form % questionForms]!(sum);
}

/** The number that a right reply ends in. */
export function answer([a, b, c]: Sum): string {
  return `${a + b + c}`;
}

/** How a reply is written: with both additions between think tags before the answer, or as the answer alone. */
export type Style = "thinking" | "brief";

/** The right reply. */
export function reply(sum: Sum, style: Style): string {
  return written(sum, sum[0] + sum[1] + sum[2], style);
}

/**
 * A reply whose answer is up to three off. The slip is in the last addition: what would follow from an earlier one is right
 * again, and to be taught that it is wrong confuses.
 */
export function wrongReply(sum: Sum, style: Style, draw: Draw): string {
  const right = sum[0] + sum[1] + sum[2];
  const off = 1 + draw(3);
  return written(sum, draw(2) === 0 && right >= off ? right - off : right + off, style);
}

function written([a, b, c]: Sum, result: number, style: Style): string {
  if (style === "brief") return `${result}`;
  return `<think>${a}+${b}=${a + b} ${a + b}+${c}=${result}</think>${result}`;
}

/** All thousand sums in two parts, chosen by the seed. The held-out ones enter no training, of any stage. */
export interface SumSplit {
  readonly train: readonly Sum[];
  readonly heldOut: readonly Sum[];
}

/** Sums that are held out of the thousand. */
const HELD_OUT = 150;
/** Streams of the run's seed that are for arithmetic: 0 to 2 belong to the data's order and the samples. */
const SPLIT_STREAM = 100;
const STYLE_STREAM = 101;
const SLIP_STREAM = 103;

/**
 * Splits the sums before anything is trained on them. Sums of the same three digits have the same answer, so all of their
 * orders are on one side.
 */
export function splitSums(seed: number): SumSplit {
  const order = [...permutation(1000, { seed, stream: SPLIT_STREAM })];
  const sums = order.map((i): Sum => [Math.floor(i / 100), Math.floor(i / 10) % 10, i % 10]);
  const held = new Set<string>();
  let count = 0;
  for (const [digits, orders] of countByDigits(sums)) {
    if (count + orders > HELD_OUT) continue;
    held.add(digits);
    count += orders;
  }
  const isHeldOut = (sum: Sum): boolean => held.has(digitsOf(sum));
  return { train: sums.filter((sum) => !isHeldOut(sum)), heldOut: sums.filter(isHeldOut) };
}

/** How many of the sums have the same digits, in the order in which the digits come first. */
function countByDigits(sums: readonly Sum[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const sum of sums) counts.set(digitsOf(sum), (counts.get(digitsOf(sum)) ?? 0) + 1);
  return counts;
}

function digitsOf(sum: Sum): string {
  return [...sum].sort((a, b) => a - b).join("");
}

/** A sum as it is asked, with how it is to be answered. */
export interface Asked {
  readonly sum: Sum;
  readonly question: string;
  readonly style: Style;
}

/** Share of the replies that are brief, as people's are: one of so many. */
const BRIEF_ONE_OF = 2;

/** Every sum in every form; the style of each reply is drawn by the seed and the stream. */
export function askAll(sums: readonly Sum[], seed: number): Asked[] {
  const draw = drawFrom(seed, STYLE_STREAM);
  return sums.flatMap((sum) =>
    Array.from({ length: questionForms }, (_, form): Asked => {
      const style = draw(BRIEF_ONE_OF) === 0 ? "brief" : "thinking";
      return { sum, question: question(sum, form), style };
    }),
  );
}

/** A question with a right and a wrong reply in the same style. */
export interface ReplyPair {
  readonly question: string;
  readonly chosen: string;
  readonly rejected: string;
}

/** A pair for each sum in each form; styles and slips are drawn by the seed. */
export function replyPairs(sums: readonly Sum[], seed: number): ReplyPair[] {
  const draw = drawFrom(seed, SLIP_STREAM);
  return askAll(sums, seed).map(({ sum, question, style }) => ({
    question,
    chosen: reply(sum, style),
    rejected: wrongReply(sum, style, draw),
  }));
}

/** A whole number from 0 to below the bound. */
type Draw = (bound: number) => number;

function drawFrom(seed: number, stream: number): Draw {
  const random = createRandom({ seed, stream });
  return (bound) => random.below(bound);
}
