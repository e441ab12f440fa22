import type { Fixture } from "@ds3/testing/reference";
import type { DpoLossName } from "../src/types.ts";

/** A fixture's batch in ragged form. */
export interface FixtureCase {
  /** Flat index into [rows x tokens] of each completion token. */
  readonly kept: readonly number[];
  /** rows x tokens */
  readonly size: number;
  readonly starts: Int32Array;
  readonly policy: Float64Array;
  readonly reference: Float64Array;
  readonly beta: number;
  /** The losses that the fixture expects, under its own names. */
  readonly losses: readonly FixtureLoss[];
}

/** A loss as a fixture names it, and its settings. */
export interface FixtureLoss {
  readonly key: string;
  readonly loss: DpoLossName;
  readonly labelSmoothing: number;
  readonly nllWeight: number;
}

/** The fixtures' own names of a loss with settings of its own. */
const NAMED: Readonly<Record<string, DpoLossName>> = { conservative: "sigmoid", sigmoid_nll: "sigmoid" };

/** Losses that take the fixture's label smoothing; `conservative` is `sigmoid` with it. */
const SMOOTHED = ["conservative", "robust", "exo_pair", "aot", "aot_unpaired"];

/** Reads inputs: masked rows [2P, tokens], chosen ones first; column t counts when the mask's column t + 1 is set. */
export function fixtureCase(fixture: Fixture): FixtureCase {
  const config = fixture.meta.config as Record<"tokens" | "beta" | "label_smoothing" | "nll_weight", number>;
  const { tokens, beta } = config;
  const mask = fixture.i32("completion_mask");
  const rows = mask.length / (tokens + 1);
  const kept: number[] = [];
  const starts = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row++) {
    for (let t = 0; t < tokens; t++) if (mask[row * (tokens + 1) + t + 1] === 1) kept.push(row * tokens + t);
    starts[row + 1] = kept.length;
  }
  const ragged = (name: string): Float64Array => Float64Array.from(kept, (i) => fixture.f64(name)[i]!);
  const losses = fixture.names
    .flatMap((name) => /^loss\.(.+)$/.exec(name)?.[1] ?? [])
    .map((key) => ({
      key,
      loss: NAMED[key] ?? (key as DpoLossName),
      labelSmoothing: SMOOTHED.includes(key) ? config.label_smoothing : 0,
      nllWeight: key.endsWith("_nll") ? config.nll_weight : 0,
    }));
  const both = { policy: ragged("policy_logps"), reference: ragged("reference_logps") };
  return { kept, size: rows * tokens, starts, ...both, beta, losses };
}

/** Values of completion tokens back in [rows x tokens], 0 elsewhere. */
export function toRows({ kept, size }: FixtureCase, values: ArrayLike<number>): Float64Array {
  const rows = new Float64Array(size);
  for (const [i, at] of kept.entries()) rows[at] = values[i]!;
  return rows;
}
