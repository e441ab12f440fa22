import { ConfigError } from "@ds3/errors";
import { type Tensor, tokenLogProbs } from "@ds3/tensor";
import type { Policy, TrainableModel } from "@ds3/trainer";
import { type GrpoLossOptions, grpoLoss } from "./grpo-loss.ts";
import type { RolloutBatch } from "./rollout-batch.ts";
import type { GrpoSettings } from "./types.ts";

/** Options of `grpoModel`. */
export interface GrpoModelOptions extends GrpoSettings, Pick<GrpoLossOptions, "ratio" | "epsilonLow" | "epsilonHigh"> {}

/**
 * The policy as `train` takes it, with GRPO's loss over batches of `createRollouts`. Only rows that predict completion tokens
 * go through the policy's head; a batch without any does not run it, its loss is 0.
 *
 * Terms that are logged: `reward`, `reward.<name>` of each, `length` (mean tokens of a completion), `equalGroups` (share of
 * groups whose rewards are all equal, which teach nothing), `dropped` (completions), `clipped` (share of tokens), `ratio`
 * (mean) and, with beta above 0, `kl` (mean k3).
 *
 * `loss` throws ConfigError when the batch was made with another loss or temperature, or without the reference that beta needs.
 */
export function grpoModel(policy: Policy, options: GrpoModelOptions = {}): TrainableModel<RolloutBatch> {
  const { loss = "grpo", temperature = 1, beta = 0, ...clipping } = options;
  const { gpu, arena } = policy;
  return {
    gpu,
    arena,
    loss(batch) {
      assertSame("loss", loss, batch.loss);
      assertSame("temperature", temperature, batch.temperature);
      const { tokens, rows, targets, starts, advantages, oldLogProbs, referenceLogProbs, maxNewTokens } = batch;
      const logProbs =
        rows.length > 0
          ? tokenLogProbs(policy.logits(tokens, rows, true), targets, { temperature })
          : gpu.empty([0], "f32", "no log-probs");
      const given = { starts, advantages, oldLogProbs, referenceLogProbs, maxTokens: maxNewTokens };
      const output = grpoLoss(logProbs, { ...clipping, ...given, loss, beta });
      const { meanKl, clipFraction, meanRatio } = output;
      const own = { clipped: clipFraction, ratio: meanRatio, ...(beta > 0 ? { kl: meanKl } : {}) };
      return { total: output.loss, terms: { ...uploadFigures(policy, batch.figures), ...own } };
    },
    afterStep: () => policy.afterStep?.(),
    expertLoads: () => policy.expertLoads?.(),
    save: () => policy.save(),
    load: (files) => policy.load(files),
  };
}

/** Numbers of the host as scalars, in one upload. */
function uploadFigures({ gpu }: Policy, figures: Readonly<Record<string, number>>): Record<string, Tensor> {
  const names = Object.keys(figures);
  const values = gpu.tensor(Object.values(figures), [names.length], "f32", "rollout figures");
  return Object.fromEntries(names.map((name, i) => [name, values.slice(i, i + 1)]));
}

function assertSame(operand: string, own: string | number, batch: string | number): void {
  if (own === batch) return;
  const hint = "Give createRollouts and grpoModel the same settings.";
  const [expected, actual] = [`the batch's, ${batch}`, `${own}`];
  throw new ConfigError({ op: "grpoModel", operand, expected, actual, hint });
}
