import type { Dropped } from "../stage.ts";

/** A drop for a value below what a rule asks for. */
export function below(reason: string, value: number, bound: number, unit = ""): Dropped {
  return { reason, detail: `${rounded(value)}${unit} < ${bound}` };
}

/** A drop for a value above what a rule allows. */
export function above(reason: string, value: number, bound: number, unit = ""): Dropped {
  return { reason, detail: `${rounded(value)}${unit} > ${bound}` };
}

/** part / whole, and 0 where there is nothing. */
export function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** Six digits are enough to read. Next to a bound they can round onto it, as in "0.3 > 0.3". */
function rounded(value: number): string {
  return String(Number(value.toPrecision(6)));
}
