import { Tokenizer as HfTokenizer } from "tokenizers";
import { expect, test } from "vitest";
import { parseTokenizer } from "./parse-tokenizer.ts";

type Flags = readonly [lstrip: boolean, rstrip: boolean];
const NEITHER: Flags = [false, false];
const LEFT: Flags = [true, false];
const RIGHT: Flags = [false, true];
const BOTH: Flags = [true, true];

/** Characters are single tokens, so that every text is one id for each character or added token. */
function file(tokens: readonly (readonly [content: string, flags: Flags])[], normalized = false): string {
  const vocab = Object.fromEntries(Array.from("?ab \n\t", (character, id) => [character, id]));
  let next = 6;
  const added_tokens = tokens.map(([content, [lstrip, rstrip]]) => ({
    id: vocab[content] ?? next++,
    content,
    ...{ single_word: false, lstrip, rstrip, normalized, special: false },
  }));
  return JSON.stringify({ version: "1.0", added_tokens, model: { type: "BPE", unk_token: "?", vocab, merges: [] } });
}

async function ofHf(json: string, text: string): Promise<number[]> {
  return (await HfTokenizer.fromString(json).encode(text)).getIds();
}

test("a token that the one before has swallowed whole is not there", async () => {
  const json = file([["\n", BOTH]]);
  expect(await ofHf(json, "a\n\nb")).toEqual([1, 4, 2]);
  expect([...parseTokenizer(json).encode("a\n\nb")]).toEqual([1, 4, 2]);
  expect(parseTokenizer(json).encodeWithOffsets("a\n\nb").ids).toEqual(Int32Array.from([1, 4, 2]));
});

test("white space that is a token, with any mixture of strips: HF's ids", async () => {
  let state = 3;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  // HF panics where a token that strips to the left alone follows inside of what one to the right has swallowed.
  const mixtures: readonly (readonly Flags[])[] = [
    [NEITHER, LEFT],
    [NEITHER, RIGHT, BOTH],
    [RIGHT, BOTH],
  ];
  const contents = [" ", "  ", "\n", "\n\n", "a ", " b", "\t"];
  for (let i = 0; i < 1500; i++) {
    const mixture = mixtures[i % 3]!;
    const tokens = contents
      .filter(() => below(2) === 0)
      .map((content) => [content, mixture[below(mixture.length)]!] as const);
    const json = file(tokens, i % 2 === 0);
    const text = Array.from({ length: 1 + below(12) }, () => "a b\n \t  \n"[below(9)]!).join("");
    const tokenizer = parseTokenizer(json);
    const expected = await ofHf(json, text);
    expect({ tokens, text, ids: [...tokenizer.encode(text)] }).toEqual({ tokens, text, ids: expected });
    expect([...tokenizer.encodeWithOffsets(text).ids]).toEqual(expected);
  }
});

test("where HF panics, what was swallowed stays swallowed", () => {
  const json = file([
    ["a ", RIGHT],
    ["  ", LEFT],
  ]);
  expect([...parseTokenizer(json).encode("a     b")]).toEqual([6, 2]);
});

test.each([
  ["\n", RIGHT],
  ["\n", BOTH],
  ["\n", LEFT],
  [" ", BOTH],
] as const)(
  "a long run of a token of white space takes no longer than its characters: %j, strips %j",
  (content, flags) => {
    const tokenizer = parseTokenizer(file([[content, flags]]));
    const start = process.cpuUsage();
    tokenizer.encode(content.repeat(300_000));
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(2);
  },
);
