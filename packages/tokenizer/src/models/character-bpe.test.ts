import { expect, test } from "vitest";
import type { Merges } from "../bpe/pair-table.ts";
import { IntBuffer } from "../growable.ts";
import { CharacterBpeModel, type CharacterBpeOptions } from "./character-bpe.ts";
import { createTokenSpans } from "./token-spans.ts";

const plain: CharacterBpeOptions = {
  continuingSubwordPrefix: "",
  endOfWordSuffix: "",
  fuseUnk: false,
  byteFallback: false,
  ignoreMerges: false,
};

const LETTERS = ["a", "b", "天", "🙂", "x", "é"];

function numbers(seed: number): (bound: number) => number {
  let state = seed + 1;
  return (bound) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) % bound;
  };
}

interface Language {
  readonly vocab: ReadonlyMap<string, number>;
  readonly merges: readonly (readonly [string, string])[];
}

/** A random language over few letters: some letters may have no token. */
function randomLanguage(below: (bound: number) => number): Language {
  const tokens = ["<unk>", ...LETTERS.slice(0, 2 + below(3))];
  if (below(2) === 0) for (let byte = 0; byte < 256; byte++) tokens.push(`<0x${hex(byte)}>`);
  const parts = tokens.filter((token) => !token.startsWith("<"));
  const merges: [string, string][] = [];
  for (let count = below(12); count > 0; count--) {
    const pair: [string, string] = [parts[below(parts.length)]!, parts[below(parts.length)]!];
    merges.push(pair);
    parts.push(pair.join(""));
  }
  const vocab = new Map([...new Set([...tokens, ...parts])].map((token, id) => [token, id]));
  return { vocab, merges };
}

const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, "0");

/** BPE from its definition, on strings: the earliest merge of the list first, leftmost first. */
function naive(text: string, { vocab, merges }: Language, options: CharacterBpeOptions): string[] {
  let word: string[] = [];
  let isFusing = false;
  for (const character of text) {
    const bytes = Array.from(new TextEncoder().encode(character), (byte) => `<0x${hex(byte)}>`);
    const isKnown = vocab.has(character);
    const isSpelled = !isKnown && options.byteFallback && bytes.every((byte) => vocab.has(byte));
    if (isKnown) word.push(character);
    else if (isSpelled) word.push(...bytes);
    else if (options.unkToken !== undefined && !(isFusing && options.fuseUnk)) word.push("<unk>");
    isFusing = !isKnown && !isSpelled;
  }
  for (;;) {
    const ranks = word.map((left, i) => merges.findLastIndex(([a, b]) => a === left && b === word[i + 1]));
    const possible = ranks.filter((rank) => rank >= 0);
    if (possible.length === 0) return word;
    const at = ranks.indexOf(Math.min(...possible));
    word = [...word.slice(0, at), word[at]! + word[at + 1]!, ...word.slice(at + 2)];
  }
}

function modelOf({ vocab, merges }: Language, options: CharacterBpeOptions): CharacterBpeModel {
  const ids = (tokens: readonly string[]): Int32Array => Int32Array.from(tokens, (token) => vocab.get(token)!);
  const table: Merges = {
    left: ids(merges.map(([left]) => left)),
    right: ids(merges.map(([, right]) => right)),
    result: ids(merges.map((pair) => pair.join(""))),
  };
  return new CharacterBpeModel(vocab, table, options);
}

function encode(model: CharacterBpeModel, text: string): number[] {
  const out = new IntBuffer(4);
  model.encodePiece(text, 0, text.length, out);
  return [...out.toArray()];
}

function spans(model: CharacterBpeModel, text: string): { ids: number[]; starts: number[]; ends: number[] } {
  const { ids, starts, ends } = createTokenSpans();
  model.encodeSpans(text, 0, text.length, { ids, starts, ends });
  return { ids: [...ids.toArray()], starts: [...starts.toArray()], ends: [...ends.toArray()] };
}

test("random languages, options and texts give the tokens of the definition, by both ways", () => {
  for (let seed = 0; seed < 150; seed++) {
    const below = numbers(seed);
    const language = randomLanguage(below);
    const options: CharacterBpeOptions = {
      ...plain,
      unkToken: below(3) === 0 ? undefined : "<unk>",
      fuseUnk: below(2) === 0,
      byteFallback: below(2) === 0,
    };
    const model = modelOf(language, options);
    for (const length of [1, 2, 5, 31, 200]) {
      const text = Array.from({ length }, () => LETTERS[below(LETTERS.length)]!).join("");
      const expected = naive(text, language, options).map((token) => language.vocab.get(token)!);
      expect(encode(model, text), `${seed} ${text}`).toEqual(expected);
      expect(spans(model, text).ids).toEqual(expected);
    }
  }
});

test("spans cover the text from end to end when nothing is dropped", () => {
  for (let seed = 0; seed < 50; seed++) {
    const below = numbers(seed);
    const language = randomLanguage(below);
    const model = modelOf(language, { ...plain, unkToken: "<unk>", fuseUnk: seed % 2 === 0 });
    const text = Array.from({ length: 60 }, () => LETTERS[below(LETTERS.length)]!).join("");
    const { starts, ends } = spans(model, text);
    expect([starts[0], ends.at(-1)]).toEqual([0, text.length]);
    expect(starts.slice(1)).toEqual(ends.slice(0, -1));
  }
});

test("an empty piece has no tokens", () => {
  const model = modelOf({ vocab: new Map([["a", 0]]), merges: [] }, plain);
  expect([encode(model, ""), spans(model, "").ids]).toEqual([[], []]);
});

test("dropout puts a merge off until the next one is done, as the numbers drawn say", () => {
  const vocab = new Map(["a", "b", "c", "ab", "bc", "abc"].map((token, id) => [token, id]));
  const merges = [
    ["a", "b"],
    ["b", "c"],
    ["a", "bc"],
    ["ab", "c"],
  ] as const;
  const draw = (...drawn: number[]): string[] => {
    const dropout = { probability: 0.5, random: () => drawn.shift()! };
    const tokens = [...vocab.keys()];
    return encode(modelOf({ vocab, merges }, { ...plain, dropout }), "abc").map((id) => tokens[id]!);
  };
  // (a, b) kept: (ab, c) follows once the outdated (b, c) has been drawn for.
  expect(draw(0.9, 0.9, 0.9)).toEqual(["abc"]);
  expect(draw(0.9, 0.9, 0.1)).toEqual(["ab", "c"]);
  // (a, b) put off, (b, c) done: (a, b) comes back outdated, (a, bc) is drawn for.
  expect(draw(0.1, 0.9, 0.9, 0.9)).toEqual(["abc"]);
  expect(draw(0.1, 0.9, 0.9, 0.1)).toEqual(["a", "bc"]);
  expect(draw(0.1, 0.1)).toEqual(["a", "b", "c"]);
});

test("with dropout the same piece is drawn for each time, and ignore_merges does not count", () => {
  const vocab = new Map(["a", "b", "ab"].map((token, id) => [token, id]));
  const drawn = [0.1, 0.9, 0.1];
  const dropout = { probability: 0.5, random: () => drawn.shift()! };
  const model = modelOf({ vocab, merges: [["a", "b"]] }, { ...plain, ignoreMerges: true, dropout });
  expect([encode(model, "ab"), encode(model, "ab"), encode(model, "ab")]).toEqual([[0, 1], [2], [0, 1]]);
});
