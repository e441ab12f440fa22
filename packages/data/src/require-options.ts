import { ConfigError, didYouMean } from "@ds3/errors";

/** What values the keys of options take; "any": checked elsewhere. */
export type OptionRules<T extends object> = Readonly<
  Record<keyof T, "any" | "boolean" | "function" | readonly string[]>
>;

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

function requireValue(op: string, operand: string, value: unknown, rule: OptionRules<object>[never]): void {
  if (rule === "any") return;
  if (typeof rule === "string") {
    if (typeof value === rule) return;
    const expected = rule === "boolean" ? "true or false" : "a function";
    throw new ConfigError({ op, operand, expected, actual: show(value) });
  }
  const choices = rule as readonly string[];
  if (choices.includes(value as string)) return;
  const expected = choices.map(show).join(" or ");
  throw new ConfigError({ op, operand, expected, actual: show(value), hint: didYouMean(String(value), choices) });
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : typeof value === "object" ? "an object" : String(value);
}
