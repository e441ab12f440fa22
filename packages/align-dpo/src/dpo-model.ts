import { tokenLogProbs } from "@ds3/tensor";
import type { Policy, TrainableModel } from "@ds3/trainer";
import type { PreferenceBatch } from "./create-preference-batches.ts";
import { dpoLoss } from "./dpo-loss.ts";
import { resolveDpoSettings } from "./dpo-settings.ts";
import type { DpoLossSettings } from "./types.ts";

/**
 * The policy as `train` takes it, with a preference loss. Terms that are logged: `margin`, `accuracy`, `chosenReward`,
 * `rejectedReward`, as in `dpoLoss`, and with an `nllWeight` above 0 `nll`. Only rows that predict completion tokens go through the policy's head.
 *
 * @throws ConfigError, OutOfRangeError for settings, at once.
 */
export function dpoModel(policy: Policy, settings: DpoLossSettings = {}): TrainableModel<PreferenceBatch> {
  const resolved = resolveDpoSettings(settings);
  const { gpu, arena } = policy;
  return {
    gpu,
    arena,
    loss({ tokens, rows, targets, starts, sequences, referenceLogProbs }) {
      const logProbs = tokenLogProbs(policy.logits(tokens, rows, true), targets);
      const reference = gpu.tensor(referenceLogProbs, [referenceLogProbs.length], "f32", "reference log-probs");
      const output = dpoLoss(logProbs, { ...resolved, starts, sequences, referenceLogProbs: reference });
      const { loss, margin, accuracy, chosenReward, rejectedReward, nll } = output;
      const terms = { margin, accuracy, chosenReward, rejectedReward };
      return { total: loss, terms: resolved.nllWeight > 0 ? { ...terms, nll } : terms };
    },
    afterStep: () => policy.afterStep?.(),
    expertLoads: () => policy.expertLoads?.(),
    save: () => policy.save(),
    load: (files) => policy.load(files),
  };
}
