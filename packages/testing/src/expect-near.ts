import { expect } from "vitest";

/**
 * Fails unless every |got - want| <= tolerance x max|want|. The message has the worst difference, its coordinates and
 * both values. Not-a-number never passes.
 */
export function expectNear(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  shape: readonly number[],
  tolerance: number,
): void {
  expect(got.length, `${name}: number of elements`).toBe(want.length);
  let scale = 0;
  for (let i = 0; i < want.length; i++) scale = Math.max(scale, Math.abs(want[i]!));
  const bound = tolerance * Math.max(scale, 1e-6);
  let worst = -1;
  let worstDifference = bound;
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs(got[i]! - want[i]!);
    if (difference <= worstDifference) continue;
    worst = i;
    worstDifference = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  if (worst < 0) return;
  const at = coordinates(worst, shape).join(", ");
  throw new Error(
    `${name} [${at}]: got ${got[worst]}, expected ${want[worst]}; difference ${worstDifference}, allowed ${bound}`,
  );
}

function coordinates(index: number, shape: readonly number[]): number[] {
  const result: number[] = [];
  let rest = index;
  for (const n of [...shape].reverse()) {
    result.unshift(rest % n);
    rest = Math.floor(rest / n);
  }
  return result;
}
