import { ConfigError, didYouMean } from "@ds3/errors";

/** The error for a name that is none of those an option knows; it tells the nearest. */
export function unknownName(op: string, operand: string, name: unknown, known: readonly string[]): ConfigError {
  const actual = String(name);
  return new ConfigError({ op, operand, expected: known.join(", "), actual, hint: didYouMean(actual, known) });
}
