import type { DpoLossName } from "./types.ts";

/*
 * The losses of one pair in WGSL, from
 *   chosen, rejected              log(policy / reference), summed over the completion's tokens
 *   chosenLength, rejectedLength  tokens, at least 1
 *   u.beta, u.flip = label smoothing, u.keep = 1 - flip, u.logKeep, u.logFlip
 * to `value` and its derivatives `gradChosen` and `gradRejected` for chosen and rejected.
 */

/** Losses that match pairs across the batch: they see no pair alone. */
export type MatchedLossName = "aot" | "aot_unpaired";
/** Losses of one pair each. */
export type PairLossName = Exclude<DpoLossName, MatchedLossName>;

/**
 * softplus(x) = log(1 + e^x) and sigmoid(x) with a relative error of some 1e-7 everywhere. WGSL lets `log` be off by 2^-21
 * between 0.5 and 2, the very range that softplus needs, so log(1 + t), t in [0, 1], is the series of 2 artanh(z) at
 * z = t / (2 + t) <= 1/3: the first term left out is below 2e-9.
 */
export const STABLE_FUNCTIONS = `
fn log1p(t: f32) -> f32 {
  let z = t / (2.0 + t);
  let w = z * z;
  let tail = 1.0 / 7.0 + w * (1.0 / 9.0 + w * (1.0 / 11.0 + w * (1.0 / 13.0 + w * (1.0 / 15.0))));
  return 2.0 * z * (1.0 + w * (1.0 / 3.0 + w * (1.0 / 5.0 + w * tail)));
}
fn softplus(x: f32) -> f32 { return select(0.0, x, x > 0.0) + log1p(exp(-abs(x))); }
fn sigmoid(x: f32) -> f32 {
  let t = exp(-abs(x));
  return select(t, 1.0, x >= 0.0) / (1.0 + t);
}
fn isFinite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }`;

/** -(1 - e) log sigmoid(x) - e log sigmoid(-x) and its derivative for x. */
export const SMOOTHED_SIGMOID = `value = u.keep * softplus(-x) + u.flip * softplus(x);
    let slope = u.flip * sigmoid(x) - u.keep * sigmoid(-x);`;

const LOGIT = "let x = u.beta * (chosen - rejected);";
const REWARDS = "let x = u.beta * chosen; let y = u.beta * rejected;";
const OPPOSITE = "gradRejected = -gradChosen;";

/** Statements that set `value`, `gradChosen` and `gradRejected`. */
export const pairLosses: Readonly<Record<PairLossName, string>> = {
  // Rafailov et al. 2023, eq. 7; with e > 0 conservative DPO.
  sigmoid: `${LOGIT}
    ${SMOOTHED_SIGMOID}
    gradChosen = u.beta * slope; ${OPPOSITE}`,
  // The same of log-ratios per token.
  sigmoid_norm: `let x = u.beta * (chosen / chosenLength - rejected / rejectedLength);
    value = softplus(-x);
    gradChosen = -u.beta * sigmoid(-x) / chosenLength;
    gradRejected = u.beta * sigmoid(-x) / rejectedLength;`,
  // Zhao et al. 2023 (SLiC) with log-ratios in place of log-probs. A value that is not finite must show.
  hinge: `${LOGIT}
    let inside = x < 1.0;
    value = select(x, select(0.0, 1.0 - x, inside), isFinite(x));
    gradChosen = select(0.0, -u.beta, inside); ${OPPOSITE}`,
  // Azar et al. 2023 (IPO), eq. 17, of log-ratios per token.
  ipo: `let error = chosen / chosenLength - rejected / rejectedLength - 0.5 / u.beta;
    value = error * error;
    gradChosen = 2.0 * error / chosenLength;
    gradRejected = -2.0 * error / rejectedLength;`,
  // Chowdhury et al. 2024 (rDPO): unbiased under labels flipped with probability e.
  robust: `${LOGIT}
    value = (u.keep * softplus(-x) - u.flip * softplus(x)) / (u.keep - u.flip);
    gradChosen = -u.beta * (u.keep * sigmoid(-x) + u.flip * sigmoid(x)) / (u.keep - u.flip); ${OPPOSITE}`,
  // Ji et al. 2024 (EXO), eq. 16.
  exo_pair: `${LOGIT}
    let p = sigmoid(x); let q = sigmoid(-x);
    value = p * (-softplus(-x) - u.logKeep) + q * (-softplus(x) - u.logFlip);
    gradChosen = u.beta * p * q * (x - u.logKeep + u.logFlip); ${OPPOSITE}`,
  // Chen et al. 2024 (NCA), with two answers.
  nca_pair: `${REWARDS}
    value = softplus(-x) + 0.5 * softplus(x) + 0.5 * softplus(y);
    gradChosen = u.beta * (0.5 * sigmoid(x) - sigmoid(-x));
    gradRejected = 0.5 * u.beta * sigmoid(y);`,
  // Jung et al. 2024 (BCO), without the moving offset.
  bco_pair: `${REWARDS}
    value = softplus(-x) + softplus(y);
    gradChosen = -u.beta * sigmoid(-x);
    gradRejected = u.beta * sigmoid(y);`,
  // Wu et al. 2024 (SPPO), eq. 4.7 with win probabilities 1 and 0.
  sppo_hard: `let won = chosen - 0.5 / u.beta; let lost = rejected + 0.5 / u.beta;
    value = won * won + lost * lost;
    gradChosen = 2.0 * won;
    gradRejected = 2.0 * lost;`,
  // D'Oosterlinck et al. 2024 (APO), eq. 7.
  apo_zero: `${REWARDS}
    value = sigmoid(-x) + sigmoid(y);
    gradChosen = -u.beta * sigmoid(x) * sigmoid(-x);
    gradRejected = u.beta * sigmoid(y) * sigmoid(-y);`,
  // D'Oosterlinck et al. 2024 (APO), eq. 8.
  apo_down: `let x = u.beta * chosen; let z = u.beta * (chosen - rejected);
    let fall = u.beta * sigmoid(z) * sigmoid(-z);
    value = sigmoid(x) + sigmoid(-z);
    gradChosen = u.beta * sigmoid(x) * sigmoid(-x) - fall;
    gradRejected = fall;`,
};
