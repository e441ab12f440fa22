import { ConfigError, didYouMean } from "@ds3/errors";

type Rule = "any" | "boolean" | "function" | "text" | "texts" | readonly string[];

/** What values the keys of options take; "any": checked elsewhere. */
export type OptionRules<T extends object> = Readonly<Record<keyof T, Rule>>;

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const KINDS: Readonly<Record<string, readonly [string, (value: unknown) => boolean]>> = {
  boolean: ["true or false", (value) => typeof value === "boolean"],
  function: ["a function", (value) => typeof value === "function"],
  text: ["a text that is not empty", isText],
  texts: ["a list of texts that are not empty", (value) => Array.isArray(value) && value.every(isText)],
};

/**
 * Refuses options with a key that is not known, or a value that is not one of its choices: a slip of the pen must not be
 * taken for a default. An undefined value is the default.
 * @throws ConfigError of `op` naming the key, with the nearest one that is known.
 */
export function requireOptions<T extends object>(op: string, options: T, rules: OptionRules<T>): void {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new ConfigError({ op, operand: "options", expected: "an object", actual: show(options) });
  const known = Object.keys(rules);
  for (const [key, value] of Object.entries(options)) {
    if (!known.includes(key)) {
      const hint = didYouMean(key, known);
      throw new ConfigError({ op, operand: "options", expected: "known keys", actual: show(key), hint });
    }
    if (value !== undefined) requireValue(op, key, value, rules[key as keyof T]);
  }
}

function requireValue(op: string, operand: string, value: unknown, rule: Rule): void {
  if (rule === "any") return;
  if (typeof rule === "string") {
    const [expected, holds] = KINDS[rule]!;
    if (!holds(value)) throw new ConfigError({ op, operand, expected, actual: show(value) });
    return;
  }
  if (rule.includes(value as string)) return;
  const expected = rule.map(show).join(" or ");
  throw new ConfigError({ op, operand, expected, actual: show(value), hint: didYouMean(String(value), rule) });
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : typeof value === "object" ? "an object" : String(value);
}
