import type { FixtureJson } from "./find-fixtures.ts";
import { type Criterion, exact } from "./tolerance.ts";

/**
 * Codes of quotients that a device rounded: WebGPU's division is good to 2.5 ulp, so single ones may be the next code.
 * This many of them are exact, none is further than one code away (the fixtures' notes).
 */
const DIVIDED: Criterion = { bound: () => 1, share: { fraction: 0.998, bound: () => 0 } };

/** The codes that are NaN, without their sign. */
const NANS: Readonly<Record<string, (code: number) => boolean>> = {
  e4m3fn: (code) => code === 0x7f,
  e5m2: (code) => code > 0x7c,
};

/**
 * How an exact tensor of topic fp8 is compared: bit for bit, but that any NaN code is as good as another, and any bit
 * pattern of NaN.
 *
 * @throws Error for codes of a format that is not known.
 */
export function fp8Criterion({ config }: FixtureJson, name: string, dtype: string): Criterion {
  if (name.endsWith("_bits")) return { ...exact, same: (got, want) => isNanPattern(got) && isNanPattern(want) };
  if (dtype !== "U8") return exact;
  if (!name.startsWith("codes")) return { ...exact, divided: DIVIDED };
  const { format } = (config ?? {}) as { format?: string };
  const isNan = NANS[format ?? ""];
  if (!isNan)
    throw new Error(`config.format: expected ${Object.keys(NANS).join(" or ")}, got ${JSON.stringify(format)}`);
  const magnitude = (code: number): number => code & 0x7f;
  return { ...exact, same: (got, want) => isNan(magnitude(got)) && isNan(magnitude(want)) };
}

function isNanPattern(bits: number): boolean {
  return (bits & 0x7fffffff) > 0x7f800000;
}
