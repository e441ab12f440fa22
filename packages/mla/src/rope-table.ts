import type { RopeConfig, YarnScaling } from "./types.ts";

/*
 * Rotary position embedding with YaRN (Peng et al., 2023), as DeepSeek-V3 uses it for its long-context extension.
 *
 * Pair i of R/2 turns by position * f_i. Plain RoPE has f_i = theta^(-2i/R). YaRN keeps f_i for pairs that turn more
 * than betaFast times over the original length, divides it by the factor for pairs that turn less than betaSlow times,
 * and blends linearly in i between the two. Attention logits are then warmed by m(factor)^2 with
 * m(s, a) = 0.1 a ln(s) + 1: `mscaleAllDim` puts it in the softmax scale, `mscale` / `mscaleAllDim` in the tables.
 *
 * All in double: angles rounded to f32 are off by up to 5e-3 near position 131071.
 */

/** Tables of one rotation per row and pair, cos and sin both [P, R/2], for P positions. */
export interface RopeTable {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** Angle in radians per position of every rotated pair, [qkRopeHeadDim / 2], YaRN included. */
export function ropeFrequencies({ qkRopeHeadDim, ropeTheta, ropeScaling }: RopeConfig): Float64Array {
  const plain = Float64Array.from({ length: qkRopeHeadDim / 2 }, (_, i) => ropeTheta ** ((-2 * i) / qkRopeHeadDim));
  if (ropeScaling === null) return plain;
  const pairTurning = (turns: number) =>
    (qkRopeHeadDim * Math.log(ropeScaling.originalMaxPositionEmbeddings / (turns * 2 * Math.PI))) /
    (2 * Math.log(ropeTheta));
  const first = Math.max(Math.floor(pairTurning(ropeScaling.betaFast)), 0);
  const last = Math.min(Math.ceil(pairTurning(ropeScaling.betaSlow)), qkRopeHeadDim - 1);
  // Where both ends meet the ramp becomes a step; the width that DeepSeek's and HF's code give it keeps it finite.
  const width = last === first ? 0.001 : last - first;
  return plain.map((frequency, i) => {
    const slowed = Math.min(Math.max((i - first) / width, 0), 1);
    return frequency * (1 - slowed) + (frequency / ropeScaling.factor) * slowed;
  });
}

/** cos and sin of every position and pair, times YaRN's table factor (1 for DeepSeek-V3). positions [P]. */
export function ropeTable(config: RopeConfig, positions: ArrayLike<number>): RopeTable {
  const frequencies = ropeFrequencies(config);
  const factor = config.ropeScaling === null ? 1 : tableFactor(config.ropeScaling);
  const pairs = frequencies.length;
  const cos = new Float64Array(positions.length * pairs);
  const sin = new Float64Array(positions.length * pairs);
  for (let row = 0; row < positions.length; row++) {
    for (let i = 0; i < pairs; i++) {
      const angle = positions[row] * frequencies[i];
      cos[row * pairs + i] = Math.cos(angle) * factor;
      sin[row * pairs + i] = Math.sin(angle) * factor;
    }
  }
  return { cos, sin };
}

/**
 * Factor of the attention logits: (qkNopeHeadDim + qkRopeHeadDim)^-0.5, times m(factor, mscaleAllDim)^2 under YaRN.
 * Without mscaleAllDim the scale stays plain and the tables carry the whole correction, as in HF.
 */
export function softmaxScale(config: RopeConfig & { readonly qkNopeHeadDim: number }): number {
  const plain = (config.qkNopeHeadDim + config.qkRopeHeadDim) ** -0.5;
  const allDim = config.ropeScaling?.mscaleAllDim;
  return allDim ? plain * mscale(config.ropeScaling!.factor, allDim) ** 2 : plain;
}

function tableFactor({ factor, mscale: pairs, mscaleAllDim: allDim }: YarnScaling): number {
  return pairs && allDim ? mscale(factor, pairs) / mscale(factor, allDim) : mscale(factor, 1);
}

function mscale(factor: number, amount: number): number {
  return factor > 1 ? 0.1 * amount * Math.log(factor) + 1 : 1;
}
