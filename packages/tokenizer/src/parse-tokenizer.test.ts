import { FormatError } from "@ds3/errors";
import { expect, test } from "vitest";
import { parseTokenizer } from "./parse-tokenizer.ts";
import { trainBpe } from "./train-bpe.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

const trained = trainBpe(["low lower 10 1 0 low"], { vocabSize: 262, specialTokens: ["<s>"] });

interface File {
  [section: string]: unknown;
  model: { [key: string]: unknown; vocab: Record<string, number>; merges: unknown[] };
  added_tokens: Record<string, unknown>[];
}
const edited = (edit: (file: File) => void): string => {
  const file = JSON.parse(trained.toJson()) as File;
  edit(file);
  return JSON.stringify(file);
};

test("written, read and written again, a file is the same, and its vocabulary in the order of ids", () => {
  expect(parseTokenizer(trained.toJson()).toJson()).toBe(trained.toJson());
  const vocab = trained.toJson().split('"vocab"')[1]!;
  const ids = [...vocab.matchAll(/^ {6}"(?:[^"\\]|\\.)*": (\d+)/gm)].map(([, id]) => Number(id));
  expect(ids).toEqual(Array.from({ length: trained.vocabSize }, (_, id) => id));
});

test("merges may be strings", () => {
  const json = edited(({ model }) => {
    model.merges = (model.merges as string[][]).map((pair) => pair.join(" "));
  });
  expect(parseTokenizer(json).toJson()).toBe(trained.toJson());
});

test("added tokens: longest first, those that are not normalized before the others", () => {
  const token = (id: number, content: string, normalized: boolean) => ({ id, content, normalized, special: false });
  const tokenizer = parseTokenizer(
    edited(({ added_tokens }) => {
      added_tokens.push(
        token(262, "ab", true),
        token(263, "abc", true),
        token(264, "bcd", false),
        token(300, "xyz", true),
      );
    }),
  );
  expect(Array.from(tokenizer.encode("abcab"))).toEqual([263, 262]);
  expect(Array.from(tokenizer.encode("abcd"))).toEqual([tokenizer.idOf("a"), 264]);
  expect([tokenizer.vocabSize, tokenizer.tokenOf(299), tokenizer.specialTokens]).toEqual([301, undefined, ["<s>"]]);
  expect(() => tokenizer.decode([299])).toThrow(/299/);
  expect(tokenizer.decode([300, 264], { skipSpecialTokens: true })).toBe("xyzbcd");
});

test("what is not implemented is refused by name", () => {
  const refused: [string, (file: File) => void][] = [
    ["model.type", ({ model }) => Object.assign(model, { type: "WordPiece" })],
    ["model.ignore_merges", ({ model }) => Object.assign(model, { ignore_merges: true })],
    ["model.dropout", ({ model }) => Object.assign(model, { dropout: 0.1 })],
    ["model.end_of_word_suffix", ({ model }) => Object.assign(model, { end_of_word_suffix: "</w>" })],
    ["normalizer", (file) => Object.assign(file, { normalizer: { type: "NFC" } })],
    ["decoder.type", (file) => Object.assign(file, { decoder: { type: "WordPiece" } })],
    ["post_processor.type", (file) => Object.assign(file, { post_processor: { type: "BertProcessing" } })],
    ["truncation", (file) => Object.assign(file, { truncation: { max_length: 5 } })],
    ["padding", (file) => Object.assign(file, { padding: { pad_id: 0 } })],
    ["added_tokens[0].lstrip", ({ added_tokens }) => Object.assign(added_tokens[0]!, { lstrip: true })],
    ["model.unk_token", ({ model }) => dropByte(Object.assign(model, { unk_token: "<s>" }))],
    ["model.byte_fallback", ({ model }) => dropByte(Object.assign(model, { byte_fallback: true }))],
  ];
  for (const [operand, edit] of refused) {
    expect(() => parseTokenizer(edited(edit))).toThrow(UnsupportedTokenizerError);
    expect(() => parseTokenizer(edited(edit))).toThrow(`parseTokenizer: ${operand}: expected`);
  }
});

function dropByte(model: File["model"]): void {
  delete model.vocab["~"];
}

test("options that cannot matter are accepted: unk_token with all bytes, an empty normalizer", () => {
  const json = edited((file) => {
    file.normalizer = { type: "Sequence", normalizers: [] };
    Object.assign(file.model, { unk_token: "<s>", byte_fallback: true, end_of_word_suffix: "", dropout: 0 });
  });
  expect(parseTokenizer(json).encode("low~")).toEqual(trained.encode("low~"));
});

test("a byte without a token is dropped", () => {
  expect(parseTokenizer(edited(({ model }) => dropByte(model))).encode("~lo")).toEqual(trained.encode("lo"));
});

test("a damaged file is named by its part", () => {
  const broken: [RegExp, string][] = [
    [/tokenizer.json: expected valid JSON/, trained.toJson().slice(0, -9)],
    [/tokenizer.json: expected an object, got \[\]/, "[]"],
    [/model: expected an object, got nothing/, edited((file) => Reflect.deleteProperty(file, "model"))],
    [
      /model.vocab\["low"\]: expected an integer id in \[0, 2\^24\), got -1/,
      edited(({ model }) => {
        model.vocab.low = -1;
      }),
    ],
    [
      /model.vocab: expected an id of its own for "low", got id 5 twice/,
      edited(({ model }) => {
        model.vocab.low = 5;
      }),
    ],
    [
      /model.merges\[0\]: expected two tokens, got "a b c"/,
      edited(({ model }) => {
        model.merges[0] = "a b c";
      }),
    ],
    [
      /model.merges\[0\]: .*unknown "lx"/,
      edited(({ model }) => {
        model.merges[0] = ["l", "x"];
      }),
    ],
    [
      /added_tokens\[0\].id: expected an integer/,
      edited(({ added_tokens }) => {
        added_tokens[0]!.id = "0";
      }),
    ],
    [
      /added_tokens\[0\]: expected one id for one token/,
      edited(({ added_tokens }) => {
        added_tokens[0]!.id = 7;
      }),
    ],
  ];
  for (const [message, json] of broken) {
    expect(() => parseTokenizer(json)).toThrow(FormatError);
    expect(() => parseTokenizer(json)).toThrow(message);
  }
});
