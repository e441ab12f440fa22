import { FormatError } from "@ds3/errors";
import { describe, expect, test } from "vitest";
import { offsetsOf, readCases, type Span } from "../test/reference-cases.ts";
import type { Json, JsonObject } from "./json-reader.ts";
import { parseTokenizer } from "./parse-tokenizer.ts";
import { parsePostProcessor } from "./post-processor-json.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

/** Offsets in code points; type ids and mask as a digit for each token. */
type Expected = readonly [ids: readonly number[], offsets: readonly Span[], typeIds: string, mask: string];

interface Cases {
  readonly tokenizer: JsonObject & { readonly pre_tokenizer: JsonObject };
  readonly texts: readonly (readonly [string, string | null])[];
  readonly postProcessors: readonly {
    json: Json;
    /** add_prefix_space of the pre-tokenizer. */
    prefix: boolean;
    /** By text or pair: with special tokens, and without where that is not the same. */
    encodings: readonly (readonly [Expected, Expected?])[];
  }[];
}

const { tokenizer, texts, postProcessors } = readCases<Cases>("post-processors.cases.json");

describe("HF's encodings", () => {
  const named = postProcessors.map((row) => [JSON.stringify([row.json, row.prefix]), row] as const);
  test.each(named)("%s", (_, { json, prefix, encodings }) => {
    const preTokenizer = { ...tokenizer.pre_tokenizer, add_prefix_space: prefix };
    const file = { ...tokenizer, post_processor: json, pre_tokenizer: preTokenizer };
    const parsed = parseTokenizer(JSON.stringify(file));
    texts.forEach(([text, pair], i) => {
      [true, false].forEach((addSpecialTokens, k) => {
        const [ids, spans, typeIds, mask] = encodings[i]![k] ?? encodings[i]![0];
        const options = { addSpecialTokens, unit: "codePoint" as const };
        const encoding = parsed.encodeWithOffsets(text, pair === null ? options : { ...options, pair });
        expect([...encoding.ids]).toEqual(ids);
        expect(encoding.typeIds.join("")).toBe(typeIds);
        expect([...encoding.offsets]).toEqual(offsetsOf(spans));
        expect(encoding.specialTokensMask.join("")).toBe(mask);
        if (pair === null) expect([...parsed.encode(text, options)]).toEqual(ids);
      });
    });
  });
});

test("without a post-processor a pair's second text has type id 1, and nothing is added", () => {
  const { template, trimOffsets } = parsePostProcessor(null);
  expect(template(false)).toEqual([{ sequence: 0, typeId: 0 }]);
  expect(template(true)).toEqual([
    { sequence: 0, typeId: 0 },
    { sequence: 1, typeId: 1 },
  ]);
  const offsets = Int32Array.of(0, 3);
  trimOffsets(offsets, () => "Ġab");
  expect([...offsets]).toEqual([0, 3]);
});

test("trimming counts the byte alphabet's space and real white space, and never crosses the other end", () => {
  const { trimOffsets } = parsePostProcessor({ type: "ByteLevel", add_prefix_space: true, trim_offsets: true });
  const rows: [token: string, from: number, to: number, start: number, end: number][] = [
    ["Ġa", 0, 2, 0, 2], // the space that was added
    ["ĠĠa", 2, 5, 4, 5],
    ["Ġa", 5, 7, 6, 7],
    ["aĠ\u3000", 7, 10, 7, 8],
    ["ĠĠ", 10, 12, 12, 12],
    ["Ċ", 12, 13, 12, 13],
    ["Ġ", 0, 1, 0, 0],
  ];
  const offsets = Int32Array.from(rows.flatMap(([, from, to]) => [from, to]));
  trimOffsets(offsets, (i) => rows[i]![0]);
  expect([...offsets]).toEqual(rows.flatMap(([, , , start, end]) => [start, end]));
});

test("what cannot be run is refused by name, what is malformed by its path", () => {
  const template = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] } },
  };
  const [first] = template.single;
  const byteLevel = { type: "ByteLevel", add_prefix_space: true, trim_offsets: true };
  const bert = { type: "BertProcessing", cls: ["[CLS]", 1], sep: ["[SEP]", 2] };
  const refused = [
    [{ type: "Magic" }, UnsupportedTokenizerError, /post_processor.type: .*"Magic"/],
    [{ type: "Sequence", processors: [{ type: "X" }] }, UnsupportedTokenizerError, /processors\[0\].type/],
    [
      { type: "Sequence", processors: [template, bert] },
      UnsupportedTokenizerError,
      /at most one step that adds tokens/,
    ],
    [{ ...template, special_tokens: {} }, FormatError, /special_tokens\["<s>"\]: expected an object/],
    [{ ...template, single: [{ Sequence: { id: "B", type_id: 0 } }] }, FormatError, /single\[0\]: expected no second/],
    [{ ...template, single: [{ Sequence: { id: "C", type_id: 0 } }] }, FormatError, /single\[0\].Sequence.id: .*"C"/],
    [{ ...template, pair: [{}] }, FormatError, /pair\[0\]: expected an object with one key/],
    [{ ...bert, cls: ["[CLS]"] }, FormatError, /cls: expected a token and its id/],
    [{ ...bert, cls: ["[CLS]", 1, 2] }, FormatError, /cls: expected a token and its id/],
    [{ ...bert, type: "RobertaProcessing", trim_offsets: null }, FormatError, /trim_offsets: expected true or false/],
    [{ ...byteLevel, use_regex: 1 }, FormatError, /use_regex: expected true or false/],
    [{ ...byteLevel, trim_offsets: undefined }, FormatError, /trim_offsets: expected true or false/],
    [
      { ...template, single: [{ ...first, Sequence: { id: "A", type_id: 0 } }] },
      FormatError,
      /single\[0\]: expected an/,
    ],
    [{ ...template, single: [{ ...first, more: 1 }] }, FormatError, /single\[0\]: expected an object with one key/],
    [{ ...template, special_tokens: { unused: { id: 1 } } }, FormatError, /special_tokens\["unused"\].id: /],
  ] as const;
  for (const [json, error, message] of refused) {
    expect(() => parsePostProcessor(json as unknown as Json)).toThrow(error);
    expect(() => parsePostProcessor(json as unknown as Json)).toThrow(message);
  }
});
