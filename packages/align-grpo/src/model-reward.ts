import { OutOfRangeError } from "@ds3/errors";
import { join } from "./pack-completions.ts";
import type { Completion, Reward, RewardOptions } from "./reward.ts";
import { packForScores, type ScoreModel } from "./score-model.ts";

/** Options of `modelReward`. */
export interface ModelRewardOptions extends RewardOptions {
  /** Sequences of one forward pass. Default 64. */
  readonly sequencesPerPass?: number;
}

/**
 * The score that a reward model gives to the last token of prompt and completion, by ids: the model must have the policy's
 * vocabulary. Forward only, expert loads left alone. Named `model`.
 *
 * @throws OutOfRangeError for `sequencesPerPass`.
 */
export function modelReward(model: ScoreModel, options: ModelRewardOptions = {}): Reward {
  const { name = "model", sequencesPerPass = 64, ...rest } = options;
  if (!(Number.isSafeInteger(sequencesPerPass) && sequencesPerPass >= 1)) {
    const [operand, expected, actual] = ["sequencesPerPass", "an integer >= 1", `${sequencesPerPass}`];
    throw new OutOfRangeError({ op: "modelReward", operand, expected, actual });
  }
  return {
    name,
    ...rest,
    async score(completions, signal) {
      const scores: number[] = [];
      for (let from = 0; from < completions.length && !signal.aborted; from += sequencesPerPass) {
        scores.push(...(await scoreAll(model, completions.slice(from, from + sequencesPerPass))));
      }
      return scores;
    },
  };
}

async function scoreAll(model: ScoreModel, completions: readonly Completion[]): Promise<number[]> {
  const sequences = completions.map(({ prompt, tokens }) => join(prompt.ids, tokens));
  const { tokens, rows, order } = packForScores(sequences, model.packs ?? false);
  const values = await encode();
  const scores: number[] = new Array(sequences.length);
  for (const [n, i] of order.entries()) scores[i] = values[n]!;
  return scores;

  // The scope opens and closes without an await in between: it cannot meet another task's.
  function encode(): Promise<Float32Array> {
    const { gpu } = model;
    using _scope = gpu.scope("model reward");
    return gpu.noGrad(() => model.scores(tokens, rows, false)).data();
  }
}
