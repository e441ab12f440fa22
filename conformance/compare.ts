import type { Criterion } from "./tolerance.ts";
import type { Result } from "./topic.ts";

/** What a fixture expects of one tensor or table. */
export interface Expectation {
  readonly name: string;
  readonly role: string;
  readonly shape: readonly number[];
  readonly want: ArrayLike<number>;
  readonly criterion: Criterion;
  /** Alternatives of which one must hold as a whole: the name of this one. */
  readonly variant?: string;
}

/** The element that is furthest from what is expected, measured in bounds. */
export interface Worst {
  readonly at: readonly number[];
  readonly got: number;
  readonly expected: number;
  readonly difference: number;
  readonly bound: number;
  /** difference / bound: passes up to 1. NaN counts as infinite. */
  readonly ratio: number;
}

/** Outcome of one comparison; `reason` is there when it failed. */
export interface Comparison {
  readonly worst?: Worst;
  readonly reason?: string;
  /** Elements for which the fixture states no bound: only that they are finite was asserted. */
  readonly unbounded: number;
}

/** Compares one result with what is expected. NaN never passes, on either side. */
export function compare(result: Result, expectation: Expectation): Comparison {
  const { via, data, at, isDivided } = result;
  const { name, want, shape } = expectation;
  const criterion = (isDivided && expectation.criterion.divided) || expectation.criterion;
  const size = at ? at.length : want.length;
  if (data.length !== size) {
    return { unbounded: 0, reason: `${name} via ${via}: ${data.length} elements, expected ${size}` };
  }
  let worst: Worst | undefined;
  const counts = { offenders: 0, unbounded: 0, loose: 0 };
  for (let i = 0; i < size; i++) {
    const flat = at ? at[i]! : i;
    const [got, expected] = [data[i]!, want[flat]!];
    const difference = criterion.same?.(got, expected) ? 0 : Math.abs(got - expected);
    const bound = criterion.bound(flat, expected);
    if (bound === undefined) counts.unbounded += 1;
    const ratio = ratioOf(difference, bound ?? Number.MAX_VALUE);
    if (!(ratio <= 1)) counts.offenders += 1;
    if (criterion.share && !(difference <= criterion.share.bound(flat, expected)!)) counts.loose += 1;
    if (worst && ratio <= worst.ratio) continue;
    worst = { at: coordinates(flat, shape), got, expected, difference, bound: bound ?? Number.MAX_VALUE, ratio };
  }
  const reason = failure({ ...expectation, criterion }, via, size, counts, worst);
  return { unbounded: counts.unbounded, ...(worst ? { worst } : {}), ...(reason ? { reason } : {}) };
}

function failure(
  { name, criterion }: Expectation,
  via: string,
  size: number,
  { offenders, loose }: { readonly offenders: number; readonly loose: number },
  worst: Worst | undefined,
): string | undefined {
  if (offenders > 0 && worst) {
    return (
      `${name} via ${via}: ${offenders} of ${size} elements beyond their bound; worst at [${worst.at.join(", ")}]: ` +
      `got ${worst.got}, expected ${worst.expected}, difference ${worst.difference}, bound ${worst.bound}`
    );
  }
  if (!criterion.share || size - loose >= criterion.share.fraction * size) return undefined;
  return `${name} via ${via}: ${loose} of ${size} elements beyond the tight bound that ${criterion.share.fraction} of them must keep`;
}

/** NaN and infinities give an infinite ratio: comparisons with them are never true. */
function ratioOf(difference: number, bound: number): number {
  if (!Number.isFinite(difference)) return Number.POSITIVE_INFINITY;
  return difference === 0 ? 0 : difference / bound;
}

function coordinates(flat: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  let rest = flat;
  for (const size of [...shape].reverse()) {
    place.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return place;
}
