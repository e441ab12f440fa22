import { expect, test } from "vitest";
import { NO_STATE, ROOT, TokenTrie } from "./token-trie.ts";

/** Ids of the tokens that a text begins with, shortest first. */
function prefixes(trie: TokenTrie, text: string): number[] {
  const ids: number[] = [];
  for (let i = 0, state = ROOT; i < text.length; i++) {
    state = trie.step(state, text.charCodeAt(i));
    if (state === NO_STATE) break;
    if (trie.idAt(state) >= 0) ids.push(trie.idAt(state));
  }
  return ids;
}

test("finds exactly the tokens that a text begins with; the last of two equal ones counts", () => {
  const tokens = ["", "a", "ab", "abcd", "b", "ba", "🙂", "🙃", "天地", "ab"];
  const trie = new TokenTrie(tokens.map((token, id) => [token, id] as const));
  for (const text of ["abcde", "abx", "bab", "🙂", "🙃🙂", "天", "天地人", "x", ""]) {
    const expected = tokens.flatMap((token, id) =>
      token !== "" && text.startsWith(token) && tokens.lastIndexOf(token) === id ? [id] : [],
    );
    const byLength = expected.sort((a, b) => tokens[a]!.length - tokens[b]!.length);
    expect(prefixes(trie, text), text).toEqual(byLength);
  }
});

test("a trie of no tokens has no way out of its root", () => {
  expect(new TokenTrie([]).step(ROOT, 97)).toBe(NO_STATE);
});
