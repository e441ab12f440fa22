import { describe, expect, it } from "vitest";
import { offsetsOf, readCases, type Span } from "../test/reference-cases.ts";
import { type AddedToken, AddedTokenMatcher, searchedContent } from "./added-tokens.ts";
import { lowercase } from "./normalizers/lowercase.ts";
import { createStrip } from "./normalizers/strip.ts";

interface TokenJson extends Readonly<Partial<Record<"lstrip" | "rstrip" | "single_word" | "normalized", true>>> {
  readonly content: string;
}

/** Made by scripts/reference/normalizers.py with HF tokenizers: text, ids (0 for any other character), offsets. Flags that are not set are left out. */
interface Case {
  readonly tokens: readonly TokenJson[];
  readonly rows: readonly (readonly [text: string, ids: readonly number[], offsets: readonly Span[]])[];
}

const cases = readCases<Case[]>("added-token-flags.cases.json");

const added = (content: string, id: number, flags: Partial<AddedToken> = {}): AddedToken => ({
  id,
  content,
  special: false,
  normalized: false,
  ...flags,
});

type Part = readonly [from: number, to: number, id: number];

function parts(matcher: AddedTokenMatcher, text: string): Part[] {
  const out: Part[] = [];
  matcher.split(text, (from, to, id) => out.push([from, to, id]));
  return out;
}

/** HF's way through a lower-casing tokenizer: added tokens of the text, then of each lower-cased rest, then characters. */
function encode(matchers: readonly AddedTokenMatcher[], text: string): { ids: number[]; ranges: number[] } {
  const ids: number[] = [];
  const ranges: number[] = [];
  const push = (id: number, from: number, to: number): void => {
    if (from === to) return;
    ids.push(id);
    ranges.push([...text.slice(0, from)].length, [...text.slice(0, to)].length);
  };
  matchers[0]!.split(text, (from, to, id) => {
    if (id >= 0) return push(id, from, to);
    const rest = lowercase.normalize({ text: text.slice(from, to), atStart: from === 0 }).text;
    matchers[1]!.split(rest, (start, end, inner) => {
      if (inner >= 0) return push(inner, from + start, from + end);
      for (let at = start; at < end; ) {
        const size = rest.codePointAt(at)! > 0xffff ? 2 : 1;
        push(0, from + at, from + at + size);
        at += size;
      }
    });
  });
  return { ids, ranges };
}

describe("AddedTokenMatcher", () => {
  it.each(cases.map((entry, i) => [i, entry] as const))("finds what HF finds (set %i)", (_, { tokens, rows }) => {
    const all = tokens.map(({ content, single_word: singleWord, ...flags }, i) =>
      added(content, i + 1, { singleWord: singleWord ?? false, ...flags }),
    );
    const matchers = [false, true].map(
      (normalized) =>
        new AddedTokenMatcher(
          all.filter((token) => token.normalized === normalized),
          lowercase,
        ),
    );
    expect(rows.length).toBeGreaterThan(10);
    for (const [text, ids, offsets] of rows) {
      expect({ text, ...encode(matchers, text) }).toEqual({ text, ids, ranges: offsetsOf(offsets) });
    }
  });

  it("finds the same with a search for each beginning and with a table of first units", () => {
    const few = ["<a>", "<a>b", "<ab", "  ", "é", "é<"].map((content, i) => added(content, i));
    const never = Array.from("αβγδεζηθι", (content, i) => added(`${content}${content}`, 100 + i));
    const searching = new AddedTokenMatcher(few);
    const looking = new AddedTokenMatcher([...few, ...never]);
    let state = 1;
    for (let i = 0; i < 300; i++) {
      let text = "";
      for (let n = 0; n < 20; n++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        text += ["<", "a", ">", "b", " ", "é", "<a>", "x"][state >>> 29]!;
      }
      const found = parts(searching, text);
      expect(parts(looking, text)).toEqual(found);
      expect(found.map(([from, to]) => text.slice(from, to)).join("")).toBe(text);
    }
  });

  it("says nothing of an empty text, and takes the rest as one part", () => {
    const matcher = new AddedTokenMatcher([added("<s>", 1)]);
    expect(parts(matcher, "")).toEqual([]);
    expect(parts(matcher, "<s")).toEqual([[0, 2, -1]]);
    expect(parts(new AddedTokenMatcher([]), "abc")).toEqual([[0, 3, -1]]);
  });

  it("looks for a lone surrogate of a token as U+FFFD", () => {
    expect(parts(new AddedTokenMatcher([added("\ud800x", 5)]), "a\ufffdx")).toEqual([
      [0, 1, -1],
      [1, 3, 5],
    ]);
  });

  it("takes the first of tokens that the normalizer makes equal, and none that it empties", () => {
    const tokens = [added("Foo", 1), added("foo", 2), added("  ", 3)].map((token) => ({ ...token, normalized: true }));
    const both = {
      normalize: (text: Parameters<typeof lowercase.normalize>[0]) => strip.normalize(lowercase.normalize(text)),
    };
    expect(parts(new AddedTokenMatcher(tokens, both), "a  foo")).toEqual([
      [0, 3, -1],
      [3, 6, 1],
    ]);
    expect(searchedContent(tokens[0]!, both)).toBe("foo");
    expect(searchedContent({ ...tokens[0]!, normalized: false }, both)).toBe("Foo");
  });
});

const strip = createStrip({ left: true, right: true });
