import { createEpochOrder, createRandom } from "@ds3/data";
import { ShapeError } from "@ds3/errors";
import { completionLogProbs } from "./completion-log-probs.ts";
import { groupAdvantages } from "./group-advantages.ts";
import type { Completion } from "./reward.ts";
import type { Sample } from "./rollout-batch.ts";
import type { RolloutOptions, SampledCompletion } from "./rollout-options.ts";
import { type Scores, scoreCompletions } from "./score-completions.ts";

/** A rollout that was sampled and scored. Plain JSON. */
export interface RolloutState {
  /** Without those that were dropped. */
  readonly samples: readonly Sample[];
  readonly figures: Readonly<Record<string, number>>;
}

/** Streams of random numbers from here on seed sampling, those below order the prompts of an epoch. */
const SAMPLING = 2 ** 32;

/** Samples, scores and compares the completions of rollout number `rollout`; which prompts it has depends on that alone. */
export async function takeRollout(
  options: RolloutOptions,
  kept: readonly number[],
  rollout: number,
): Promise<RolloutState> {
  const { prompts, rewards, groupSize, onRollout } = options;
  const chosen = promptsOfRollout(options, kept, rollout);
  const sampled = await sample(options, chosen, rollout);
  const { decode = (ids) => ids.join(" ") } = options;
  const completions = sampled.map(({ tokens, stopped }, i): Completion => {
    const promptIndex = chosen[Math.floor(i / groupSize)]!;
    const named = { promptIndex, sampleIndex: i % groupSize, prompt: prompts[promptIndex]! };
    return { ...named, tokens, text: decode(tokens), stopped };
  });
  const scores = await scoreCompletions(rewards, completions, options);
  const advantages = groupAdvantages(scores.totals, groupSize, options);
  const samples = sampled.flatMap((one, i): Sample[] =>
    scores.totals[i] === null ? [] : [toSample(options, one, completions[i]!.promptIndex, advantages[i]!)],
  );
  const figures = figuresOf(scores, sampled, groupSize);
  onRollout?.({ rollout, completions, totals: scores.totals, figures });
  return { samples: await withReference(options, samples), figures };
}

/** The prompts in an order of their own in each epoch, so many at a time. */
function promptsOfRollout(
  { promptsPerStep, seed = 0 }: RolloutOptions,
  kept: readonly number[],
  rollout: number,
): number[] {
  const order = createEpochOrder(kept.length, { seed });
  const first = rollout * promptsPerStep;
  order.seek({ epoch: Math.floor(first / kept.length), index: first % kept.length });
  return Array.from({ length: promptsPerStep }, () => kept[order.next()]!);
}

async function sample(
  options: RolloutOptions,
  chosen: readonly number[],
  rollout: number,
): Promise<readonly SampledCompletion[]> {
  const { prompts, groupSize, maxNewTokens, temperature = 1, topK, topP, minP, stopTokens = [], signal } = options;
  const sampled = await options.rollout(
    chosen.map((i) => prompts[i]!.ids),
    {
      ...{ samplesPerPrompt: groupSize, maxNewTokens, temperature, stopTokens },
      ...(topK === undefined ? {} : { topK }),
      ...(topP === undefined ? {} : { topP }),
      ...(minP === undefined ? {} : { minP }),
      ...(signal ? { signal } : {}),
      seed: createRandom({ seed: options.seed ?? 0, stream: SAMPLING + rollout }).nextUint32(),
    },
  );
  const wanted = chosen.length * groupSize;
  const refuse = (operand: string, expected: string, actual: string): ShapeError =>
    new ShapeError({ op: "rollout", operand, expected, actual });
  if (sampled.length !== wanted) throw refuse("result", `${wanted} completions`, `${sampled.length}`);
  for (const [i, { tokens, logProbs }] of sampled.entries()) {
    const finite = logProbs.filter(Number.isFinite).length;
    if (tokens.length === logProbs.length && finite === tokens.length) continue;
    throw refuse(`completion ${i}`, `a finite log-prob for each of ${tokens.length} tokens`, `${finite}`);
  }
  return sampled;
}

function toSample(
  { overlong = "keep" }: RolloutOptions,
  { tokens, logProbs, stopped }: SampledCompletion,
  prompt: number,
  advantage: number,
): Sample {
  const masked = overlong === "mask" && !stopped;
  return { prompt, tokens: [...tokens], oldLogProbs: [...logProbs], advantage, masked };
}

/** Log-probs under the reference, in as many passes as the rollout has batches. */
async function withReference(options: RolloutOptions, samples: readonly Sample[]): Promise<Sample[]> {
  const { prompts, reference, beta = 0, microBatches = 1, temperature = 1 } = options;
  if (!reference || beta === 0) return [...samples];
  const all: Sample[] = [];
  for (let i = 0; i < microBatches; i++) {
    const part = partOf(samples, i, microBatches);
    const sequences = part.map(({ prompt, tokens, masked }) => ({
      prompt: prompts[prompt]!.ids,
      completion: Int32Array.from(masked ? [] : tokens),
    }));
    const logProbs = await completionLogProbs(reference, sequences, temperature);
    all.push(...part.map((one, n) => ({ ...one, referenceLogProbs: [...logProbs[n]!] })));
  }
  return all;
}

/** Part `index` of `count` parts that are as equal as can be. */
export function partOf<T>(items: readonly T[], index: number, count: number): readonly T[] {
  const at = (part: number): number => Math.floor((part * items.length) / count);
  return items.slice(at(index), at(index + 1));
}

function figuresOf(
  { totals, means, dropped }: Scores,
  sampled: readonly SampledCompletion[],
  groupSize: number,
): Record<string, number> {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const isKept = (total: number | null): total is number => total !== null;
  const groups = Array.from({ length: totals.length / groupSize }, (_, g) =>
    totals.slice(g * groupSize, (g + 1) * groupSize).filter(isKept),
  ).filter(({ length }) => length > 0);
  const named = Object.entries(means).map(([name, value]) => [`reward.${name}`, value] as const);
  return {
    reward: mean(totals.filter(isKept)),
    ...Object.fromEntries(named),
    length: mean(sampled.map(({ tokens }) => tokens.length)),
    equalGroups: mean(groups.map((group) => (group.every((total) => total === group[0]) ? 1 : 0))),
    dropped,
  };
}
