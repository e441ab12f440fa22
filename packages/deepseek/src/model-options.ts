import { ConfigError, didYouMean } from "@ds3/errors";

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  mtpHidden: ["normed", "raw"],
  mtpLossDenominator: ["T", "T-k"],
  balanceTopk: ["literal", "selected"],
};
const WEIGHTS = ["mtpLossWeight", "balanceLossWeight", "biasUpdateSpeed"];
const FUNCTIONS = ["linear", "groupedLinear"];
const KNOWN = [...Object.keys(CHOICES), ...WEIGHTS, ...FUNCTIONS, "scoreHead", "seed"];

/**
 * Refuse options of `createDeepseek` that are unknown or have no meaning: a misspelt one would train another model in
 * silence.
 *
 * @throws ConfigError naming the option, its value and what is valid.
 */
export function assertModelOptions(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (!KNOWN.includes(name)) refuse(name, "a known option", value, didYouMean(name, KNOWN));
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
