import type { Normalizer } from "./normalizer.ts";
import { rewriteCharacters } from "./rewrite.ts";

/** Control characters that go, and characters that become a space, as HF's Nmt (after SentencePiece's nmt rules). */
const REMOVED = "\\x01-\\x08\\x0b\\x0e-\\x1f\\x7f\\x8f\\x9f";
const SPACES = "\\t\\n\\f\\r\\u1680\\u200b-\\u200f\\u2028\\u2029\\u2581\\ufeff\\ufffd";
const changed = new RegExp(`[${REMOVED}${SPACES}]`, "g");
const removed = new RegExp(`[${REMOVED}]`);

/** HF's Nmt: control characters go, other kinds of space become a space. */
export const nmt: Normalizer = {
  normalize: (input) => rewriteCharacters(input, changed, (character) => (removed.test(character) ? "" : " ")),
};
