/* What holds, in sentences made of the figures. Judged by the mean error over the last third; the maximum stands beside it. */
import { CLAIM } from "./loss-error.ts";
import { listed, paragraph, percent, signedPercent } from "./report-format.ts";
import type { Comparison, StudyResults } from "./results.ts";

/** The first protocol: from new weights. Empty before a pair is finished. */
export function verdictFromScratch({ plan, scratch: { pairs, baselines, controls } }: StudyResults): string[] {
  if (pairs.length === 0) return [];
  return paragraph(
    "**From scratch.**",
    ...judged(pairs, `${plan.steps} steps`),
    ...againstBf16(baselines),
    ...(controls.length > 0 ? [`bf16 against f32 has one of ${means(controls)}: ${counted(controls)}.`] : []),
    ...missing(pairs, plan.seeds),
  );
}

/** The second protocol: from trained weights, with its control. Empty before a pair is finished. */
export function verdictContinued({ plan, continued }: StudyResults): string[] {
  const { pairs, baselines, controls } = continued;
  if (pairs.length === 0) return [];
  return paragraph(
    "**Continued from trained weights.**",
    ...judged(pairs, `${plan.steps} further steps`),
    ...againstBf16(baselines),
    ...(controls.length > 0 ? [controlSentence(controls)] : []),
    ...missing(pairs, plan.seeds),
  );
}

function judged(pairs: readonly Comparison[], course: string): string[] {
  const held = pairs.filter(isBelow).length;
  const highest = pairs.filter(({ error }) => error.maximum.error < CLAIM).length;
  const maxima = listed(pairs.map(({ error }) => percent(error.maximum.error)));
  const signed = listed(pairs.map(({ error }) => signedPercent(error.ofMeanLoss)));
  const word = held === pairs.length ? "holds" : held === 0 ? "does not hold" : "does not hold for every seed";
  return [
    `Over the last third of ${course} the relative error of FP8's smoothed loss against f32's is ${means(pairs)} in the mean`,
    `(${seedsOf(pairs)}): ${counted(pairs)}, so the claim **${word}** here, judged by the mean.`,
    `The largest single step of that third is off by ${maxima}: below ${percent(CLAIM)} for ${highest} of ${pairs.length}.`,
    `The mean loss over the third differs by ${signed}.`,
  ];
}

function againstBf16(baselines: readonly Comparison[]): string[] {
  return baselines.length > 0 ? [`Against bf16 the mean error is ${means(baselines)}: ${counted(baselines)}.`] : [];
}

function controlSentence(controls: readonly Comparison[]): string {
  const missed = controls.filter((control) => !isBelow(control));
  const consequence = missed.length > 0 ? `; of ${seedsOf(missed)} this protocol says nothing about FP8 either` : "";
  return `The control, bf16 against f32, has a mean error of ${means(controls)}: ${counted(controls)}${consequence}.`;
}

function missing(pairs: readonly Comparison[], seeds: readonly number[]): string[] {
  return pairs.length === seeds.length ? [] : [`Finished so far: ${pairs.length} of ${seeds.length} seeds.`];
}

/** Whether the mean error keeps to the claim. */
export function isBelow({ error }: Comparison): boolean {
  return error.mean < CLAIM;
}

/** `below 0.250 % for 2 of 3 seeds` */
export function counted(comparisons: readonly Comparison[]): string {
  return `below ${percent(CLAIM)} for ${comparisons.filter(isBelow).length} of ${comparisons.length} seeds`;
}

function means(comparisons: readonly Comparison[]): string {
  return listed(comparisons.map(({ error }) => percent(error.mean)));
}

function seedsOf(comparisons: readonly Comparison[]): string {
  const seeds = comparisons.map(({ run }) => `${run.seed}`);
  return `seed${seeds.length === 1 ? "" : "s"} ${listed(seeds)}`;
}
