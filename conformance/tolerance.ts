/** How far element `flat` may be from `want`; undefined: no bound is stated, it must only be finite. */
export type Bound = (flat: number, want: number) => number | undefined;

/** What a tensor must satisfy. */
export interface Criterion {
  readonly bound: Bound;
  /** Beside `bound`: this share of the elements must also be within a tighter one. */
  readonly share?: { readonly fraction: number; readonly bound: Bound };
  /** Different numbers that mean the same: codes and bit patterns of NaN. */
  readonly same?: (got: number, want: number) => boolean;
  /** What codes of quotients must satisfy that a device rounded; absent: the same as all. */
  readonly divided?: Criterion;
}

/** Keys that describe a tolerance and are none. */
const INFORMATIVE = /^(max_abs_value|f32_reference_\w+)$/;
/** `atol`, `rtol`, and the same for the first rows only: `atol_first20`. */
const RULE = /^(atol|rtol)(?:_first(\d+))?$/;

interface Rule {
  /** It holds for rows below this one. */
  readonly rows: number;
  atol?: number;
  rtol?: number;
}

/** Equality, for ids and counts. */
export const exact: Criterion = { bound: () => 0 };

/**
 * Reads a fixture's tolerance: elementwise `rtol * |expected|` where given, else `atol`; the rule for the first rows
 * stands before the one for all.
 *
 * @throws Error for a key that is not understood, a number that is none, or no rule at all.
 */
export function parseTolerance(tolerance: unknown, shape: readonly number[]): Criterion {
  const rules = new Map<number, Rule>();
  for (const [key, value] of Object.entries((tolerance ?? {}) as Record<string, unknown>)) {
    if (INFORMATIVE.test(key)) continue;
    const [, kind, first] = RULE.exec(key) ?? [];
    if (!kind) throw new Error(`tolerance "${key}" is not understood`);
    const rows = first === undefined ? Number.POSITIVE_INFINITY : Number(first);
    const rule = rules.get(rows) ?? { rows };
    rule[kind as "atol" | "rtol"] = tolerated(key, value);
    rules.set(rows, rule);
  }
  if (rules.size === 0) throw new Error("the fixture states no tolerance");
  const ordered = [...rules.values()].sort((a, b) => a.rows - b.rows);
  const rowSize = shape.slice(1).reduce((a, b) => a * b, 1);
  const bound: Bound = (flat, want) => {
    const rule = ordered.find(({ rows }) => Math.floor(flat / rowSize) < rows);
    return rule?.rtol === undefined ? rule?.atol : rule.rtol * Math.abs(want);
  };
  return { bound };
}

/** `row_rtol` of the fixture: each element within that share of its row's largest magnitude. Rows differ in magnitude. */
export function parseRowTolerance(row_rtol: unknown, shape: readonly number[], want: ArrayLike<number>): Criterion {
  const share = tolerated("row_rtol", row_rtol);
  const columns = shape.at(-1)!;
  const largest = new Float64Array(want.length / columns);
  for (let i = 0; i < want.length; i++) {
    const row = Math.floor(i / columns);
    largest[row] = Math.max(largest[row]!, Math.abs(want[i]!));
  }
  return { bound: (flat) => share * largest[Math.floor(flat / columns)]! };
}

/** Both criteria at once: the smaller bound of each element. */
export function both(a: Criterion, b: Criterion): Criterion {
  return {
    bound: (flat, want) => {
      const [first, second] = [a.bound(flat, want), b.bound(flat, want)];
      return first === undefined ? second : Math.min(first, second ?? first);
    },
  };
}

/**
 * Tolerance of moments stored in bf16 and of the parameters that follow from them, where single elements may round the
 * other way: most elements tightly, all within a wider bound (`bf16_tolerance` of the fixture).
 */
export function parseBf16Tolerance(tolerance: unknown, isTrajectory: boolean, want: ArrayLike<number>): Criterion {
  const group = ((tolerance as Record<string, unknown>)[isTrajectory ? "trajectory" : "moments"] ?? {}) as Record<
    string,
    unknown
  >;
  const number = (key: string): number => tolerated(key, group[key]);
  if (!isTrajectory) {
    const all = number("rtol_all");
    return {
      bound: (_, value) => all * Math.abs(value),
      share: { fraction: number("fraction_equal"), bound: () => 0 },
    };
  }
  const largest = Array.prototype.reduce.call(want, (a, b) => Math.max(a as number, Math.abs(b)), 0) as number;
  const [all, tight] = [number("atol_all"), number("rtol_of_max_for_fraction") * largest];
  return { bound: () => all, share: { fraction: number("fraction"), bound: () => tight } };
}

function tolerated(key: string, value: unknown): number {
  if (typeof value === "number" && value >= 0 && Number.isFinite(value)) return value;
  throw new Error(`tolerance "${key}" is ${JSON.stringify(value)}, not a finite number >= 0`);
}
