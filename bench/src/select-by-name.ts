import { ConfigError } from "@ds3/errors";

/**
 * The cases whose name contains `only`; all of them for "".
 * @throws ConfigError that lists the names when there is none.
 */
export function selectByName<Case extends { readonly name: string }>(cases: readonly Case[], only: string): Case[] {
  const selected = cases.filter(({ name }) => name.includes(only));
  if (selected.length > 0) return selected;
  const names = cases.map(({ name }) => name).join(", ");
  throw new ConfigError({ op: "bench", operand: "--only", expected: `part of one of ${names}`, actual: `"${only}"` });
}
