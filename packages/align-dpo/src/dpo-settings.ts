import { ConfigError, didYouMean, OutOfRangeError } from "@ds3/errors";
import type { DpoLossName, DpoLossSettings } from "./types.ts";

/** Whether a loss knows label smoothing. */
const LABEL_SMOOTHING: Readonly<Record<DpoLossName, boolean>> = {
  ...{ sigmoid: true, robust: true, exo_pair: true, aot: true, aot_unpaired: true },
  ...{ sigmoid_norm: false, hinge: false, ipo: false, nca_pair: false, bco_pair: false },
  ...{ sppo_hard: false, apo_zero: false, apo_down: false },
};

/** Names of all losses. */
export const dpoLossNames: readonly DpoLossName[] = Object.freeze(Object.keys(LABEL_SMOOTHING) as DpoLossName[]);

/**
 * Settings with their defaults, checked.
 *
 * @throws ConfigError for a loss that is none, and for label smoothing with a loss that does not know it or without it
 * with `exo_pair`; OutOfRangeError for a number out of its range.
 */
export function resolveDpoSettings(settings: DpoLossSettings): Required<DpoLossSettings> {
  const { loss = "sigmoid", beta = 0.1, labelSmoothing = 0, nllWeight = 0 } = settings;
  const op = "dpoLoss";
  if (!Object.hasOwn(LABEL_SMOOTHING, loss)) {
    const hint = didYouMean(loss, dpoLossNames);
    const expected = `one of ${dpoLossNames.join(", ")}`;
    throw new ConfigError({ op, operand: "loss", expected, actual: `"${loss}"`, ...(hint ? { hint } : {}) });
  }
  if (!(beta > 0 && Number.isFinite(beta))) {
    throw new OutOfRangeError({ op, operand: "beta", expected: "a number above 0", actual: `${beta}` });
  }
  if (!(labelSmoothing >= 0 && labelSmoothing < 0.5)) {
    const expected = "a number in [0, 0.5)";
    throw new OutOfRangeError({ op, operand: "labelSmoothing", expected, actual: `${labelSmoothing}` });
  }
  if (!(nllWeight >= 0 && Number.isFinite(nllWeight))) {
    throw new OutOfRangeError({ op, operand: "nllWeight", expected: "a number of at least 0", actual: `${nllWeight}` });
  }
  requireSmoothing(loss, labelSmoothing);
  return { loss, beta, labelSmoothing, nllWeight };
}

function requireSmoothing(loss: DpoLossName, labelSmoothing: number): void {
  const refuse = (expected: string, hint: string): ConfigError =>
    new ConfigError({ op: "dpoLoss", operand: "labelSmoothing", expected, actual: `${labelSmoothing}`, hint });
  if (labelSmoothing > 0 && !LABEL_SMOOTHING[loss]) {
    throw refuse(`0 with loss "${loss}"`, 'That loss has no label smoothing; "sigmoid" and "robust" have.');
  }
  if (labelSmoothing === 0 && loss === "exo_pair") {
    throw refuse('a number above 0 with loss "exo_pair"', "Its target is the log of it; 0.001 is usual.");
  }
}
