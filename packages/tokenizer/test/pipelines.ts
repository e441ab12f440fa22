/** Pipelines for comparisons with HF: golden tokenizers, and the same with other parts put in. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { committedFixtures } from "./golden.ts";

type Json = Record<string, unknown>;

interface TokenizerFile extends Json {
  model: Json & { vocab: Record<string, number> };
  added_tokens: Json[];
}

/** A tokenizer.json under a name that says what is special about it. */
export interface NamedPipeline {
  readonly name: string;
  readonly json: string;
}

/** Pipelines from the committed fixtures alone. */
export function committedPipelines(): NamedPipeline[] {
  const read = (name: string): string => readFileSync(join(committedFixtures, `${name}.tokenizer.json`), "utf8");
  const gpt2 = (name: string, edit: (file: TokenizerFile) => void): NamedPipeline => edited(name, read("gpt2"), edit);
  return [
    { name: "gpt2", json: read("gpt2") },
    { name: "deepseek-v3", json: read("deepseek-v3") },
    gpt2("NFC, template after trimmed offsets", (file) => {
      file.normalizer = { type: "NFC" };
      file.post_processor = { type: "Sequence", processors: [byteLevel(false), template(file)] };
    }),
    gpt2("prefix space, Roberta", (file) => {
      file.pre_tokenizer = byteLevel(true);
      const [first] = file.added_tokens as { content: string; id: number }[];
      const token = [first!.content, first!.id];
      file.post_processor = {
        type: "RobertaProcessing",
        sep: token,
        cls: token,
        trim_offsets: true,
        add_prefix_space: true,
      };
    }),
    gpt2("Bert's template, offsets trimmed", (file) => {
      const [first] = file.added_tokens as { content: string; id: number }[];
      const token = [first!.content, first!.id];
      const bert = { type: "BertProcessing", sep: token, cls: token };
      file.post_processor = { type: "Sequence", processors: [byteLevel(false), bert] };
    }),
    gpt2("lower case, added tokens with every flag", (file) => {
      file.normalizer = { type: "Sequence", normalizers: [{ type: "NFKC" }, { type: "Lowercase" }] };
      addTokens(file);
    }),
    gpt2("digits, punctuation, then bytes", (file) => {
      const steps = [
        { type: "Digits", individual_digits: true },
        { type: "Punctuation", behavior: "MergedWithNext" },
      ];
      file.pre_tokenizer = { type: "Sequence", pretokenizers: [...steps, { ...byteLevel(false), use_regex: false }] };
    }),
    gpt2("split and removed", (file) => {
      const split = { type: "Split", pattern: { Regex: "\\s+|(?i:LOW)" }, behavior: "Removed", invert: false };
      file.pre_tokenizer = { type: "Sequence", pretokenizers: [split, byteLevel(false)] };
      file.post_processor = byteLevel(false);
    }),
    gpt2("truncated on the right", (file) => {
      file.truncation = { direction: "Right", max_length: 9, strategy: "LongestFirst", stride: 2 };
      file.post_processor = template(file);
    }),
    gpt2("truncated on the left, padded on the left", (file) => {
      file.truncation = { direction: "Left", max_length: 12, strategy: "LongestFirst", stride: 3 };
      file.padding = padding({ Fixed: 12 }, "Left", null);
      file.post_processor = { ...byteLevel(false), trim_offsets: false };
    }),
    gpt2("padded to a multiple", (file) => {
      file.padding = padding("BatchLongest", "Right", 8);
      file.post_processor = template(file);
    }),
    unigram(),
    wordLevel(),
    wordPiece(),
    sentencePiece("always"),
    sentencePiece("first"),
  ];
}

/** The golden tokenizers below a folder, as they are, and Llama 2's with today's pre-tokenizer in place of a normalizer. */
export function externalPipelines(paths: readonly string[]): NamedPipeline[] {
  return paths
    .filter((path) => existsSync(path))
    .map((path) => ({ name: path.split("/").at(-1)!, json: readFileSync(path, "utf8") }));
}

function edited(name: string, json: string, edit: (file: TokenizerFile) => void): NamedPipeline {
  const file = JSON.parse(json) as TokenizerFile;
  edit(file);
  return { name, json: JSON.stringify(file) };
}

function byteLevel(addPrefixSpace: boolean): Json {
  return { type: "ByteLevel", add_prefix_space: addPrefixSpace, trim_offsets: true, use_regex: true };
}

function padding(strategy: unknown, direction: string, multiple: number | null): Json {
  return { strategy, direction, pad_to_multiple_of: multiple, pad_id: 1, pad_type_id: 3, pad_token: "[PAD]" };
}

/** Template of the first two added tokens around one text or two. */
function template(file: TokenizerFile): Json {
  const [first, second] = file.added_tokens as { content: string; id: number }[];
  const special = ({ content }: { content: string }, type: number): Json => ({
    SpecialToken: { id: content, type_id: type },
  });
  const text = (id: string, type: number): Json => ({ Sequence: { id, type_id: type } });
  const named = ({ content, id }: { content: string; id: number }): [string, Json] => [
    content,
    { id: content, ids: [id], tokens: [content] },
  ];
  return {
    type: "TemplateProcessing",
    single: [special(first!, 0), text("A", 0), special(second!, 0)],
    pair: [special(first!, 0), text("A", 0), special(second!, 0), text("B", 1), special(second!, 1)],
    special_tokens: Object.fromEntries([named(first!), named(second!)].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** Texts of `addTokens` and others that pipelines treat in a way of their own. */
export const pipelinePhrases: readonly string[] = [
  "<mask>",
  " WORD ",
  "word",
  "New Token",
  "<Raw>",
  "x<mask>y",
  "ＷＯＲＤ",
];

function addTokens(file: TokenizerFile): void {
  let id = Math.max(...Object.values(file.model.vocab), ...file.added_tokens.map((token) => token.id as number));
  const add = (content: string, flags: Json): void => {
    id += 1;
    const none = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: false };
    file.added_tokens.push({ id, content, ...none, ...flags });
  };
  add("<mask>", { lstrip: true, special: true });
  add("word", { single_word: true, normalized: true });
  add("New Token", { rstrip: true, normalized: true });
  add("<Raw>", { rstrip: true, lstrip: true });
}

const sections = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
};

function unigram(): NamedPipeline {
  const pieces = [
    "<unk>",
    "▁",
    "▁the",
    "▁low",
    "er",
    "l",
    "o",
    "w",
    "e",
    "r",
    "a",
    "b",
    "ab",
    "天",
    "地",
    "玄黄",
    "▁He",
    "ll",
    ",",
  ];
  const vocab = pieces.map((piece, i) => [piece, -i / 2 - 0.25]);
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
  const model = { type: "Unigram", unk_id: 0, vocab, byte_fallback: false };
  return {
    name: "Unigram",
    json: JSON.stringify({ ...sections, pre_tokenizer: metaspace, decoder: metaspace, model }),
  };
}

function wordLevel(): NamedPipeline {
  const words = ["[UNK]", "the", "low", "lower", "Hello", ",", "world", "!", "12345", "天地玄黄"];
  const model = {
    type: "WordLevel",
    vocab: Object.fromEntries(words.map((word, id) => [word, id])),
    unk_token: "[UNK]",
  };
  return { name: "WordLevel", json: JSON.stringify({ ...sections, pre_tokenizer: { type: "Whitespace" }, model }) };
}

function wordPiece(): NamedPipeline {
  const letters = "abcdefghijklmnopqrstuvwxyz0123456789天地玄黄,.!?<>[]#";
  const pieces = [
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "low",
    "##er",
    "##est",
    "new",
    "hello",
    ...letters,
    ...Array.from(letters, (c) => `##${c}`),
  ];
  const model = {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 12,
    vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
  };
  const file = {
    ...sections,
    added_tokens: ["[UNK]", "[CLS]", "[SEP]"].map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: { type: "BertProcessing", sep: ["[SEP]", 2], cls: ["[CLS]", 1] },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model,
  };
  return { name: "WordPiece", json: JSON.stringify(file) };
}

/** Characters with byte fallback behind Metaspace, as the files of Llama and Mistral have them today. */
function sentencePiece(scheme: string): NamedPipeline {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const pieces = [
    "<unk>",
    "<s>",
    "</s>",
    ...bytes,
    "▁",
    "l",
    "o",
    "w",
    "e",
    "r",
    "lo",
    "low",
    "er",
    "▁low",
    "▁▁",
    "天",
    "e\u0301",
  ];
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
  const merges = [
    ["l", "o"],
    ["lo", "w"],
    ["e", "r"],
    ["▁", "low"],
    ["▁", "▁"],
  ];
  const model = {
    type: "BPE",
    dropout: null,
    unk_token: "<unk>",
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: true,
    byte_fallback: true,
    ignore_merges: false,
    vocab,
    merges,
  };
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const file = {
    ...sections,
    added_tokens: ["<unk>", "<s>", "</s>"].map((content, id) => ({ id, content, ...flags })),
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: scheme, split: false },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model,
  };
  return { name: `byte fallback, Metaspace ${scheme}`, json: JSON.stringify(file) };
}
