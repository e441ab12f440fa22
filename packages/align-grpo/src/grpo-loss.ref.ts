/** Inputs of the reference: as `grpoLoss`'s options, on doubles. */
export interface GrpoLossRefOptions {
  readonly starts: ArrayLike<number>;
  readonly advantages: ArrayLike<number>;
  readonly oldLogProbs: ArrayLike<number>;
  readonly referenceLogProbs?: ArrayLike<number> | undefined;
  readonly loss: "grpo" | "dapo" | "bnpo" | "dr_grpo";
  readonly ratio?: "token" | "sequence";
  readonly epsilonLow: number;
  readonly epsilonHigh: number;
  readonly beta: number;
  readonly maxTokens?: number;
  readonly denominators?: { readonly completions: number; readonly tokens: number };
}

/** What the reference gives; per-token arrays have R elements. */
export interface GrpoLossRefResult {
  readonly loss: number;
  /** d loss / d logProbs. */
  readonly gradient: Float64Array;
  readonly ratio: Float64Array;
  readonly kl: Float64Array;
  readonly surrogate: Float64Array;
  readonly clipped: Float64Array;
}

/**
 * GRPO's loss in double precision from the equations (DeepSeekMath Eq. 3 and 4, DAPO Eq. 8, Dr. GRPO, GSPO Eq. 5 to 7),
 * completion by completion.
 */
export function grpoLossRef(logProbs: ArrayLike<number>, options: GrpoLossRefOptions): GrpoLossRefResult {
  const { starts, advantages, oldLogProbs, referenceLogProbs, beta, epsilonLow, epsilonHigh } = options;
  const R = logProbs.length;
  const [gradient, ratio, kl, surrogate, clipped] = Array.from({ length: 5 }, () => new Float64Array(R)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  let loss = 0;
  for (let n = 0; n < advantages.length; n++) {
    const [first, end] = [starts[n]!, starts[n + 1]!];
    const A = advantages[n]!;
    const scale = scaleOf(options, R, end - first);
    const logRatios = Array.from({ length: end - first }, (_, j) => logProbs[first + j]! - oldLogProbs[first + j]!);
    const mean = logRatios.reduce((a, b) => a + b, 0) / Math.max(1, end - first);
    // d sum_t (-surrogate_t) / d mean log-ratio, shared out to the tokens when the ratio is the completion's.
    let slope = 0;
    for (let t = first; t < end; t++) {
      const r = Math.exp(options.ratio === "sequence" ? mean : logRatios[t - first]!);
      const inside = Math.min(Math.max(r, 1 - epsilonLow), 1 + epsilonHigh);
      const active = r * A <= inside * A;
      ratio[t] = r;
      surrogate[t] = active ? r * A : inside * A;
      clipped[t] = active ? 0 : 1;
      const own = active ? -r * A : 0;
      slope += own;
      const difference = referenceLogProbs ? referenceLogProbs[t]! - logProbs[t]! : 0;
      kl[t] = Math.exp(difference) - difference - 1;
      gradient[t] = (options.ratio === "sequence" ? 0 : own) + beta * (1 - Math.exp(difference));
      loss += scale * (beta * kl[t]! - surrogate[t]!);
    }
    for (let t = first; t < end; t++) {
      if (options.ratio === "sequence") gradient[t]! += slope / (end - first);
      gradient[t]! *= scale;
    }
  }
  return { loss, gradient, ratio, kl, surrogate, clipped };
}

/** What a completion's sum over tokens is multiplied by. */
function scaleOf({ loss, maxTokens = Number.NaN, advantages, denominators }: GrpoLossRefOptions, R: number, T: number) {
  const { completions, tokens } = denominators ?? { completions: advantages.length, tokens: R };
  if (loss === "grpo") return 1 / completions / Math.max(1, T);
  if (loss === "dr_grpo") return 1 / (completions * maxTokens);
  return 1 / (loss === "dapo" ? tokens : R);
}
