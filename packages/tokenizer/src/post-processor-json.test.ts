import { FormatError } from "@ds3/errors";
import { describe, expect, test } from "vitest";
import { readCases } from "../test/reference-cases.ts";
import type { Json, JsonObject } from "./json-reader.ts";
import { parseTokenizer } from "./parse-tokenizer.ts";
import { parsePostProcessor } from "./post-processor-json.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

/** ids, type ids, offsets in code points, special tokens mask. */
type Expected = readonly [readonly number[], readonly number[], readonly number[], readonly number[]];

interface Cases {
  readonly tokenizer: JsonObject;
  readonly texts: readonly (readonly [string, string | null])[];
  readonly postProcessors: readonly {
    json: Json;
    preTokenizer: Json;
    /** By text or pair: with special tokens, without. */
    encodings: readonly (readonly [Expected, Expected])[];
  }[];
}

const { tokenizer, texts, postProcessors } = readCases<Cases>("post-processors.cases.json");

describe("HF's encodings", () => {
  const named = postProcessors.map((row) => [JSON.stringify([row.json, row.preTokenizer]), row] as const);
  test.each(named)("%s", (_, { json, preTokenizer, encodings }) => {
    const file = { ...tokenizer, post_processor: json, pre_tokenizer: preTokenizer };
    const parsed = parseTokenizer(JSON.stringify(file));
    texts.forEach(([text, pair], i) => {
      [true, false].forEach((addSpecialTokens, k) => {
        const [ids, typeIds, offsets, mask] = encodings[i]![k]!;
        const options = { addSpecialTokens, unit: "codePoint" as const };
        const encoding = parsed.encodeWithOffsets(text, pair === null ? options : { ...options, pair });
        expect([...encoding.ids]).toEqual(ids);
        expect([...encoding.typeIds]).toEqual(typeIds);
        expect([...encoding.offsets]).toEqual(offsets);
        expect([...encoding.specialTokensMask]).toEqual(mask);
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
    [{ ...template, pair: [{}] }, FormatError, /pair\[0\].SpecialToken/],
    [{ ...bert, cls: ["[CLS]"] }, FormatError, /cls\[1\]: expected an integer id/],
    [{ ...bert, type: "RobertaProcessing" }, FormatError, /trim_offsets: expected true or false/],
  ] as const;
  for (const [json, error, message] of refused) {
    expect(() => parsePostProcessor(json)).toThrow(error);
    expect(() => parsePostProcessor(json)).toThrow(message);
  }
});
