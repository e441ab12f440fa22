import { ConfigError } from "@ds3/errors";
import type { AddedToken } from "./added-tokens.ts";

/** A token to add: its text, or its text with flags that are false unless given (`normalized`: unless special). */
export type NewToken = string | (Pick<AddedToken, "content"> & Partial<Omit<AddedToken, "id" | "content">>);

/** Tokens with all their flags. @throws ConfigError for a string in place of a list of them, and for what is no token. */
export function withFlags(tokens: Iterable<NewToken>): Omit<AddedToken, "id">[] {
  // A string is iterable: its characters would be added one by one.
  if (typeof tokens === "string") throw notTokens("tokens", "a list of tokens", tokens);
  return Array.from(tokens, (token: unknown, i) => {
    const given = (typeof token === "string" ? { content: token } : token) as Exclude<NewToken, string> | undefined;
    if (typeof given?.content !== "string") throw notTokens(`tokens[${i}]`, "a text, or an object with content", token);
    const { content, special = false, ...flags } = given;
    return { normalized: !special, lstrip: false, rstrip: false, singleWord: false, ...flags, content, special };
  });
}

function notTokens(operand: string, expected: string, value: unknown): ConfigError {
  return new ConfigError({ op: "addTokens", operand, expected, actual: JSON.stringify(value) ?? String(value) });
}
