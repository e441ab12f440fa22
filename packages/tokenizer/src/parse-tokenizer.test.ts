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
  const token = (id: number, content: string, normalized: boolean) => ({
    id,
    content,
    ...{ single_word: false, lstrip: false, rstrip: false, normalized, special: false },
  });
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

test("a part that is not known is refused by its path", () => {
  const unknown = { type: "Magic" };
  const nested = (key: string, list: string) => (file: File) =>
    Object.assign(file, { [key]: { type: "Sequence", [list]: [unknown] } });
  const refused: [string, (file: File) => void][] = [
    ["version", (file) => Object.assign(file, { version: "2.0" })],
    ["model.type", ({ model }) => Object.assign(model, unknown)],
    ["model.dropout", ({ model }) => Object.assign(model, { dropout: 0.1 })],
    ["normalizer.type", (file) => Object.assign(file, { normalizer: unknown })],
    ["normalizer.normalizers[0].type", nested("normalizer", "normalizers")],
    ["pre_tokenizer.type", (file) => Object.assign(file, { pre_tokenizer: unknown })],
    ["pre_tokenizer.pretokenizers[0].type", nested("pre_tokenizer", "pretokenizers")],
    ["post_processor.type", (file) => Object.assign(file, { post_processor: unknown })],
    ["post_processor.processors[0].type", nested("post_processor", "processors")],
    ["decoder.type", (file) => Object.assign(file, { decoder: unknown })],
    ["decoder.decoders[0].type", nested("decoder", "decoders")],
  ];
  for (const [operand, edit] of refused) {
    expect(() => parseTokenizer(edited(edit))).toThrow(UnsupportedTokenizerError);
    expect(() => parseTokenizer(edited(edit))).toThrow(`parseTokenizer: ${operand}: expected`);
  }
});

test("a part of the wrong type is named by its path", () => {
  const wrong: [string, (file: File) => void][] = [
    ["truncation.max_length", (file) => Object.assign(file, { truncation: { max_length: "5" } })],
    [
      "truncation.strategy",
      (file) => Object.assign(file, { truncation: { max_length: 5, stride: 0, strategy: "Best" } }),
    ],
    ["truncation.stride", (file) => Object.assign(file, { truncation: { max_length: 5, strategy: "OnlyFirst" } })],
    ["padding.strategy", (file) => Object.assign(file, { padding: { strategy: { Fixed: 5, more: 1 } } })],
    ["padding.strategy", (file) => Object.assign(file, { padding: { strategy: "Longest" } })],
    ["padding.direction", (file) => Object.assign(file, { padding: { strategy: "BatchLongest" } })],
    ["added_tokens", (file) => Object.assign(file, { added_tokens: {} })],
    ["added_tokens", (file) => Object.assign(file, { added_tokens: null })],
    ...["single_word", "lstrip", "rstrip", "normalized", "special"].flatMap((flag): typeof wrong =>
      [undefined, null, 1].map((value) => [
        `added_tokens[0].${flag}`,
        ({ added_tokens }) => Object.assign(added_tokens[0]!, { [flag]: value }),
      ]),
    ),
    ["added_tokens[0].lstrip", ({ added_tokens }) => Object.assign(added_tokens[0]!, { lstrip: "yes" })],
    ["normalizer", (file) => Object.assign(file, { normalizer: "NFC" })],
    ["normalizer.normalizers", (file) => Object.assign(file, { normalizer: { type: "Sequence" } })],
    ["pre_tokenizer", (file) => Object.assign(file, { pre_tokenizer: 5 })],
    ["post_processor", (file) => Object.assign(file, { post_processor: [] })],
    ["decoder", (file) => Object.assign(file, { decoder: true })],
    ["model.vocab", ({ model }) => Object.assign(model, { vocab: [] })],
    ["model.merges", ({ model }) => Object.assign(model, { merges: {} })],
  ];
  for (const [operand, edit] of wrong) {
    expect(() => parseTokenizer(edited(edit))).toThrow(FormatError);
    expect(() => parseTokenizer(edited(edit))).toThrow(`parseTokenizer: ${operand}: expected`);
  }
});

test("a file cut off anywhere is no tokenizer, and never half of one", () => {
  const json = trained.toJson();
  for (let length = 0; length < json.length - 1; length += 97) {
    expect(() => parseTokenizer(json.slice(0, length))).toThrow("parseTokenizer: tokenizer.json: expected valid JSON");
  }
});

test("sections that nobody knows are kept", () => {
  const json = edited((file) => Object.assign(file, { origin: { model: "tiny" } }));
  expect(JSON.parse(parseTokenizer(json).toJson())).toEqual(JSON.parse(json));
});

test("dropout with random numbers of one's own", () => {
  const json = edited(({ model }) => Object.assign(model, { dropout: 1 }));
  const bytes = parseTokenizer(json, { random: () => 0 }).encode("low");
  expect(bytes.length).toBe(3);
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
