import { expect, test } from "vitest";
import { parseTokenizer } from "./parse-tokenizer.ts";
import { trainBpe } from "./train-bpe.ts";
import { trainFromOld } from "./train-from-old.ts";
import { trainWordPiece } from "./train-word-piece.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

const OLD_TEXTS = ["low lower lowest, new newer newest"];
const NEW_TEXTS = ["function add(a, b) { return a + b; }", "function sub(a, b) { return a - b; }"];

const jsonOf = (tokenizer: { toJson(): string }): Record<string, never> => JSON.parse(tokenizer.toJson());

test("byte-level BPE: the file that training anew gives", () => {
  const options = { vocabSize: 300, specialTokens: ["<s>", "</s>"] };
  const old = trainBpe(OLD_TEXTS, options);
  expect(trainFromOld(old, NEW_TEXTS, { vocabSize: 300 }).toJson()).toBe(trainBpe(NEW_TEXTS, options).toJson());
});

test("WordPiece: the file that training anew gives", () => {
  const old = trainWordPiece(OLD_TEXTS, { vocabSize: 60 });
  const fresh = trainFromOld(old, NEW_TEXTS, { vocabSize: 90 });
  expect(fresh.toJson()).toBe(trainWordPiece(NEW_TEXTS, { vocabSize: 90 }).toJson());
});

test("added tokens keep their flags, ids in template and padding are the new ones", () => {
  const file = jsonOf(trainBpe(OLD_TEXTS, { vocabSize: 300, specialTokens: ["<s>", "</s>"] })) as Record<
    string,
    unknown
  >;
  const flags = { single_word: true, lstrip: true, rstrip: false, normalized: true, special: false };
  file.added_tokens = [...(file.added_tokens as object[]), { id: 400, content: "<tool>", ...flags }];
  file.post_processor = {
    type: "Sequence",
    processors: [
      { type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true },
      {
        type: "TemplateProcessing",
        single: [{ SpecialToken: { id: "<tool>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
        pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
        special_tokens: { "<tool>": { id: "<tool>", ids: [400], tokens: ["<tool>"] } },
      },
    ],
  };
  file.padding = {
    strategy: "BatchLongest",
    direction: "Right",
    pad_to_multiple_of: null,
    pad_id: 400,
    pad_type_id: 0,
    pad_token: "<tool>",
  };
  const fresh = trainFromOld(parseTokenizer(JSON.stringify(file)), NEW_TEXTS, {
    vocabSize: 300,
    specialTokens: ["<new>", "<s>"],
  });
  const json = jsonOf(fresh) as unknown as {
    added_tokens: { id: number; content: string; lstrip: boolean; special: boolean }[];
    post_processor: { processors: [unknown, { special_tokens: Record<string, { ids: number[] }> }] };
    padding: { pad_id: number };
  };
  expect(json.added_tokens.map(({ id, content }) => [id, content])).toEqual([
    [0, "<s>"],
    [1, "</s>"],
    [2, "<tool>"],
    [3, "<new>"],
  ]);
  expect(json.added_tokens[2]).toMatchObject({ ...flags, content: "<tool>" });
  expect(json.post_processor.processors[1].special_tokens["<tool>"]!.ids).toEqual([2]);
  expect(json.padding.pad_id).toBe(2);
});

test.each(["BertProcessing", "RobertaProcessing"])("the two tokens of %s have their new ids", (type) => {
  const file = jsonOf(trainBpe(OLD_TEXTS, { vocabSize: 300, specialTokens: ["<a>", "<b>"] })) as Record<
    string,
    unknown
  >;
  file.added_tokens = [
    ...(file.added_tokens as object[]),
    {
      id: 400,
      content: "<c>",
      ...{ single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    },
  ];
  const roberta = type === "RobertaProcessing" ? { trim_offsets: true, add_prefix_space: false } : {};
  file.post_processor = { type, sep: ["<c>", 400], cls: ["<b>", 1], ...roberta };
  const fresh = trainFromOld(parseTokenizer(JSON.stringify(file)), NEW_TEXTS, { vocabSize: 300 });
  expect(jsonOf(fresh).post_processor).toEqual({ type, sep: ["<c>", 2], cls: ["<b>", 1], ...roberta });
  expect(Array.from(fresh.encode(""))).toEqual([1, 2]);
});

/** SentencePiece's form: over characters, with an unknown token and byte fallback. */
function characterBpe(extra: object): string {
  return JSON.stringify({
    version: "1.0",
    added_tokens: [],
    normalizer: { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, { type: "Lowercase" }] },
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "never", split: true },
    post_processor: null,
    decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, { type: "Fuse" }] },
    model: { type: "BPE", unk_token: "<unk>", fuse_unk: true, vocab: { "<unk>": 0 }, merges: [], ...extra },
  });
}

test("BPE over characters: the unknown token, byte fallback's tokens, then characters by code point", () => {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
  const vocab = Object.fromEntries(["<unk>", ...bytes].map((token, id) => [token, id]));
  const old = parseTokenizer(characterBpe({ byte_fallback: true, vocab }));
  const fresh = trainFromOld(old, ["Ab ab AB 中ab"], { vocabSize: 264 });
  const spelled = (text: string): (string | undefined)[] => Array.from(fresh.encode(text), (id) => fresh.tokenOf(id));
  expect(fresh.tokenOf(0)).toBe("<unk>");
  expect(fresh.tokenOf(1 + 0xe4)).toBe("<0xE4>");
  expect([257, 258, 259, 260].map((id) => fresh.tokenOf(id))).toEqual(["a", "b", "▁", "中"]);
  expect(fresh.tokenOf(261)).toBe("ab"); // 4 times; then "▁ab", 3 times
  expect(spelled("AB")).toEqual(["▁ab"]);
  expect(spelled("ab国")).toEqual(["▁ab", "<0xE5>", "<0x9B>", "<0xBD>"]);
});

test("what has no trainer is refused by name", () => {
  const old = (model: object): ReturnType<typeof parseTokenizer> =>
    parseTokenizer(JSON.stringify({ version: "1.0", added_tokens: [], decoder: null, model }));
  const train = (model: object): unknown => trainFromOld(old(model), NEW_TEXTS, { vocabSize: 300 });
  expect(() => train({ type: "WordLevel", vocab: { a: 0 }, unk_token: "a" })).toThrow(UnsupportedTokenizerError);
  expect(() => train({ type: "WordLevel", vocab: { a: 0 }, unk_token: "a" })).toThrow(/model\.type.*WordLevel/s);
  const suffixed = { type: "BPE", vocab: { "a</w>": 0 }, merges: [], end_of_word_suffix: "</w>" };
  expect(() => train(suffixed)).toThrow(/model\.end_of_word_suffix/);
  expect(() => trainFromOld(trainBpe(OLD_TEXTS, { vocabSize: 300 }), NEW_TEXTS, { vocabSize: 200 })).toThrow(
    /vocabSize/,
  );
  expect(() => trainFromOld(trainBpe(OLD_TEXTS, { vocabSize: 300 }), [], { vocabSize: 300 })).toThrow(/no word/);
});
