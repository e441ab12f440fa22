/** What the reference gives, on doubles. */
export interface BradleyTerryRefResult {
  readonly loss: number;
  readonly accuracy: number;
  readonly margin: number;
  /** d loss / d scores. */
  readonly gradient: Float64Array;
}

/** Mean of -log sigmoid(chosen - rejected) over pairs [P x 2] of indices into scores, in double precision. */
export function bradleyTerryRef(scores: ArrayLike<number>, pairs: ArrayLike<number>): BradleyTerryRefResult {
  const P = pairs.length / 2;
  const gradient = new Float64Array(scores.length);
  const sums = { loss: 0, accuracy: 0, margin: 0 };
  for (let p = 0; p < P; p++) {
    const [chosen, rejected] = [pairs[2 * p]!, pairs[2 * p + 1]!];
    const margin = scores[chosen]! - scores[rejected]!;
    sums.loss += margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin;
    sums.accuracy += margin > 0 ? 1 : 0;
    sums.margin += margin;
    const slope = 1 / (1 + Math.exp(margin));
    gradient[chosen]! -= slope / P;
    gradient[rejected]! += slope / P;
  }
  return { loss: sums.loss / P, accuracy: sums.accuracy / P, margin: sums.margin / P, gradient };
}
