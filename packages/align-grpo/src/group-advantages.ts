import { OutOfRangeError, ShapeError } from "@ds3/errors";

/** How a group's rewards are scaled: by the sample or the population standard deviation, or not at all (Dr. GRPO). */
export type AdvantageScale = "std" | "populationStd" | "none";

/** Options of `groupAdvantages`. */
export interface GroupAdvantagesOptions {
  /** Default `std`. DeepSeekMath does not say which standard deviation it divides by. */
  readonly scale?: AdvantageScale;
  /** Added to the standard deviation. Default 1e-4. */
  readonly eps?: number;
}

/**
 * Advantage of each completion within its group, in double precision: (reward - mean) / (std + eps), or reward - mean
 * (DeepSeekMath, arXiv 2402.03300, section 4.1.2; Dr. GRPO, arXiv 2503.20783).
 *
 * rewards [groups x groupSize], a group's members side by side; null or undefined is a member that was dropped: it enters
 * neither mean nor standard deviation, and gets 0. A group whose members all have one reward, or that has fewer than two,
 * gets exact zeros.
 *
 * @throws ShapeError when groupSize does not divide the rewards; OutOfRangeError for a reward that is not finite, naming it.
 */
export function groupAdvantages(
  rewards: ArrayLike<number | null | undefined>,
  groupSize: number,
  options: GroupAdvantagesOptions = {},
): Float64Array {
  if (!(Number.isSafeInteger(groupSize) && groupSize >= 1 && rewards.length % groupSize === 0)) {
    const expected = "groups of a whole number of members each";
    const actual = `${rewards.length} rewards, groupSize ${groupSize}`;
    throw new ShapeError({ op: "groupAdvantages", operand: "rewards", expected, actual });
  }
  assertFinite(rewards);
  const { scale = "std", eps = 1e-4 } = options;
  const advantages = new Float64Array(rewards.length);
  for (let first = 0; first < rewards.length; first += groupSize) {
    const members = Array.from({ length: groupSize }, (_, i) => first + i).filter((i) => isPresent(rewards[i]));
    const values = members.map((i) => rewards[i]!);
    for (const [j, advantage] of scaled(values, scale, eps).entries()) advantages[members[j]!] = advantage;
  }
  return advantages;
}

function scaled(values: readonly number[], scale: AdvantageScale, eps: number): number[] {
  if (values.every((value) => value === values[0])) return values.map(() => 0);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const centred = values.map((value) => value - mean);
  if (scale === "none") return centred;
  const squares = centred.reduce((sum, value) => sum + value * value, 0);
  const std = Math.sqrt(squares / (scale === "std" ? values.length - 1 : values.length));
  return centred.map((value) => value / (std + eps));
}

function isPresent(reward: number | null | undefined): boolean {
  return reward !== null && reward !== undefined;
}

function assertFinite(rewards: ArrayLike<number | null | undefined>): void {
  for (let i = 0; i < rewards.length; i++) {
    const reward = rewards[i];
    if (!isPresent(reward) || Number.isFinite(reward)) continue;
    throw new OutOfRangeError({
      op: "groupAdvantages",
      operand: `rewards[${i}]`,
      expected: "a finite number, or null for a member that was dropped",
      actual: `${reward}`,
    });
  }
}
