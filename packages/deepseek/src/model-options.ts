import { ConfigError, didYouMean } from "@ds3/errors";
import type { LayerOptions } from "./decoder-layer.ts";
import { linearNames, type Precision, precisions } from "./precision.ts";

/** How a model trains; the defaults are DeepSeek-V3's (report, section 4.2). */
export interface DeepseekOptions extends Partial<LayerOptions> {
  /**
   * What the products of the linear layers read. Default "f32", or what linear layers of one's own (`linear`,
   * `groupedLinear`, ..) make of it, which exclude this.
   */
  readonly precision?: Precision;
  /** lambda of the multi-token prediction loss. Default 0.3. */
  readonly mtpLossWeight?: number;
  /** Which hidden state an MTP depth takes: after (`normed`, default) or before (`raw`) the norms. */
  readonly mtpHidden?: "normed" | "raw";
  /** Default "T", as the report's equation. */
  readonly mtpLossDenominator?: "T" | "T-k";
  /** gamma: how far a step moves the expert biases. Default 0.001. */
  readonly biasUpdateSpeed?: number;
  /** A second head of one number a token, for reward models: see `scores`. Default false. */
  readonly scoreHead?: boolean;
}

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  mtpHidden: ["normed", "raw"],
  mtpLossDenominator: ["T", "T-k"],
  balanceTopk: ["literal", "selected"],
  checkpoint: ["none", "block"],
  precision: precisions,
};
const WEIGHTS = ["mtpLossWeight", "balanceLossWeight", "biasUpdateSpeed"];
const FUNCTIONS: readonly string[] = linearNames;
const KNOWN = [...Object.keys(CHOICES), ...WEIGHTS, ...FUNCTIONS, "scoreHead", "seed"];

/**
 * Refuse options of `createDeepseek` that are unknown or have no meaning: a misspelt one would train another model in
 * silence. A known one that is undefined counts as absent.
 *
 * @throws ConfigError naming the option, its value and what is valid.
 */
export function assertModelOptions(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (!KNOWN.includes(name)) refuse(name, "a known option", value, didYouMean(name, KNOWN));
    if (value === undefined) continue;
    const choices = CHOICES[name];
    if (choices && !choices.includes(value)) {
      refuse(name, choices.map((choice) => `"${choice}"`).join(" or "), value, didYouMean(String(value), choices));
    }
    if (WEIGHTS.includes(name) && !(Number.isFinite(value) && value >= 0)) refuse(name, "a finite number >= 0", value);
    if (FUNCTIONS.includes(name) && typeof value !== "function") refuse(name, "a function", value);
    if (name === "scoreHead" && typeof value !== "boolean") refuse(name, "true or false", value);
    if (name === "seed" && !(Number.isSafeInteger(value) && value >= 0)) refuse(name, "an integer in [0, 2^53)", value);
  }
}

function refuse(operand: string, expected: string, value: unknown, hint?: string): never {
  const actual = typeof value === "string" ? `"${value}"` : String(value);
  throw new ConfigError({ op: "createDeepseek", operand, expected, actual, ...(hint === undefined ? {} : { hint }) });
}
