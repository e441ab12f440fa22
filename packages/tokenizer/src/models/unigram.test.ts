import { expect, test } from "vitest";
import { IntBuffer } from "../growable.ts";
import { type ScoredToken, UnigramModel } from "./unigram.ts";

function encode(tokens: readonly ScoredToken[], text: string): number[] {
  const out = new IntBuffer(4);
  new UnigramModel(tokens, { unkId: 0, byteFallback: false }).encodePiece(text, 0, text.length, out);
  return [...out.toArray()];
}

/** Every way to write the text, with its score: each character that is no token may be an unknown one. */
function ways(
  tokens: readonly ScoredToken[],
  text: string,
): { readonly ids: readonly number[]; readonly score: number }[] {
  if (text === "") return [{ ids: [], score: 0 }];
  const character = String.fromCodePoint(text.codePointAt(0)!);
  const unknown = Math.min(...tokens.map(([, score]) => score)) - 10;
  const starts = tokens
    .map(([token, score], id) => ({ token, score, id }))
    .filter(({ token }) => text.startsWith(token));
  if (!starts.some(({ token }) => token === character)) starts.push({ token: character, score: unknown, id: 0 });
  return starts.flatMap(({ token, score, id }) =>
    ways(tokens, text.slice(token.length)).map((rest) => ({ ids: [id, ...rest.ids], score: score + rest.score })),
  );
}

test("the way of the highest score of all ways, unknown neighbours as one token", () => {
  const letters = ["a", "b", "天", "🙂", "x"];
  let state = 1;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) % bound;
  };
  const word = (length: number): string => Array.from({ length }, () => letters[below(letters.length)]!).join("");
  for (let round = 0; round < 200; round++) {
    const list = new Set(Array.from({ length: 8 }, () => word(1 + below(3))));
    // Sums of distinct powers of two: no two ways tie, and no sum is rounded.
    const tokens: ScoredToken[] = [["<unk>", 0], ...[...list].map((token, i) => [token, -(2 ** i)] as const)];
    const text = word(1 + below(7));
    const best = ways(tokens, text).reduce((a, b) => (b.score > a.score ? b : a));
    const fused = best.ids.filter((id, i) => id !== 0 || best.ids[i - 1] !== 0);
    const ties = new Set(
      ways(tokens, text)
        .filter(({ score }) => score === best.score)
        .map(({ ids }) => ids.join()),
    );
    if (ties.size === 1) expect(encode(tokens, text), JSON.stringify([tokens, text])).toEqual(fused);
  }
});

test("of equal scores the longest last token stays", () => {
  const tokens: ScoredToken[] = [
    ["<unk>", 0],
    ["a", -1],
    ["aa", -2],
    ["aaa", -3],
  ];
  expect(encode(tokens, "aaa")).toEqual([3]);
  expect(encode(tokens, "aaaa")).toEqual([1, 3]);
});
