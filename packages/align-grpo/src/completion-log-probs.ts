import { tokenLogProbs } from "@ds3/tensor";
import type { Policy } from "@ds3/trainer";
import { type PromptCompletion, packCompletions } from "./pack-completions.ts";

/**
 * Log-probs of each completion's tokens under a policy, logits divided by `temperature`: one forward pass over all of them,
 * nothing recorded, expert loads left alone, memory given back.
 */
export async function completionLogProbs(
  policy: Policy,
  sequences: readonly PromptCompletion[],
  temperature: number,
): Promise<Float32Array[]> {
  const { tokens, rows, targets, starts, order } = packCompletions(sequences, policy.packs ?? false);
  const values = rows.length > 0 ? await encode() : new Float32Array();
  const all: Float32Array[] = new Array(sequences.length);
  for (const [n, i] of order.entries()) all[i] = values.slice(starts[n], starts[n + 1]);
  return all;

  // The scope opens and closes without an await in between: it cannot meet another task's.
  function encode(): Promise<Float32Array> {
    const { gpu } = policy;
    using _scope = gpu.scope("completion log-probs");
    return gpu.noGrad(() => tokenLogProbs(policy.logits(tokens, rows, false), targets, { temperature })).data();
  }
}
