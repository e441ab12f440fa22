import { ConfigError, DtypeError, OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { DecodeStream } from "./decode-stream.ts";
import { parseTokenizer } from "./parse-tokenizer.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { trainBpe } from "./train-bpe.ts";

const text = "low lower lowest, the newest and the widest. 低い 天地玄黄，宇宙洪荒。 if (x) { return 😀; }\n";
const tokenizer: Tokenizer = trainBpe([text.repeat(3)], {
  vocabSize: 320,
  specialTokens: ["<s>", "</s>", "<｜User｜>"],
});

/** Any Unicode text: code points of all planes, runs, spaces, special tokens. */
function randomText(seed: number): string {
  let state = seed + 1;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % bound;
  };
  const makers = [
    () => String.fromCodePoint(below(0xd800)),
    () => String.fromCodePoint(0x10000 + below(0x100000)),
    () => "ab".repeat(below(40)),
    () => " ".repeat(below(5)),
    () => ["<s>", "</s>", "<｜User｜>", "低い", "\ufeff", "\0"][below(6)]!,
  ];
  return Array.from({ length: below(12) }, () => makers[below(5)]!()).join("");
}

test("any well-formed text comes back from its ids, at once and token by token", () => {
  for (let seed = 0; seed < 500; seed++) {
    const original = randomText(seed);
    const ids = tokenizer.encode(original);
    expect(tokenizer.decode(ids)).toBe(original);
    const stream = new DecodeStream(tokenizer);
    expect(Array.from(ids, (id) => stream.push(id)).join("") + stream.end()).toBe(original);
  }
});

test("the word cache changes nothing: a fresh tokenizer gives the same ids", () => {
  const fresh = parseTokenizer(tokenizer.toJson());
  for (const original of [text, text, `x${"a".repeat(1000)}y`, text.repeat(2)]) {
    expect(fresh.encode(original)).toEqual(tokenizer.encode(original));
  }
});

test("the cache starts anew when it is full", () => {
  const letters = (n: number): string => n.toString(26).replace(/\d/g, (digit) => "qrstuvwxyz"[Number(digit)]!);
  const words = Array.from({ length: 270_000 }, (_, i) => ` ${letters(i)}`);
  const all = tokenizer.encode(words.join(""));
  expect(tokenizer.decode(all)).toBe(words.join(""));
  expect(tokenizer.encode(text)).toEqual(parseTokenizer(tokenizer.toJson()).encode(text));
});

test("special tokens are found in the text and left out on request", () => {
  const ids = tokenizer.encode("<s>low</s><｜User｜>");
  expect([ids[0], ids.at(-2), ids.at(-1)]).toEqual([0, 1, 2]);
  expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe("low");
  const stream = new DecodeStream(tokenizer, { skipSpecialTokens: true });
  expect(Array.from(ids, (id) => stream.push(id)).join("")).toBe("low");
  expect([tokenizer.isSpecial(2), tokenizer.isSpecial(3)]).toEqual([true, false]);
});

test("a lone surrogate is encoded as U+FFFD", () => {
  expect(tokenizer.encode("a\udc00b\ud800")).toEqual(tokenizer.encode("a\ufffdb\ufffd"));
});

test("a stream holds back half a character, and gives it up at the end", () => {
  const [first, ...rest] = tokenizer.encode("𝒳");
  const stream = new DecodeStream(tokenizer);
  expect(stream.push(first!)).toBe("");
  expect(rest.map((id) => stream.push(id)).join("")).toBe("𝒳");
  expect([stream.push(first!), stream.end(), stream.end()]).toEqual(["", "\ufffd", ""]);
});

test("bytesOf gives the bytes behind ids: their number is the text's UTF-8 length", () => {
  const total = tokenizer.encode(text).reduce((sum, id) => sum + tokenizer.bytesOf(id).length, 0);
  expect(total).toBe(new TextEncoder().encode(text).length);
});

test("ids without a token are named", () => {
  expect(() => tokenizer.decode([1, tokenizer.vocabSize])).toThrow(OutOfRangeError);
  expect(() => tokenizer.decode([-1])).toThrow(/ids: expected ids of tokens, below vocabSize 320, got -1/);
  expect(() => new DecodeStream(tokenizer).push(1.5)).toThrow(OutOfRangeError);
  expect([tokenizer.tokenOf(320), tokenizer.idOf("no such token")]).toEqual([undefined, undefined]);
});

test("a template's tokens are added unless refused", () => {
  const json = JSON.parse(tokenizer.toJson()) as Record<string, unknown>;
  const special = (id: string): object => ({ SpecialToken: { id, type_id: 0 } });
  const template = {
    type: "TemplateProcessing",
    single: [special("<s>"), { Sequence: { id: "A", type_id: 0 } }, special("</s>")],
    pair: [special("<s>"), { Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: {
      "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] },
      "</s>": { id: "</s>", ids: [1], tokens: ["</s>"] },
    },
  };
  const byteLevel = { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true };
  const processors = [template, { type: "Sequence", processors: [byteLevel, template] }];
  for (const post_processor of processors) {
    const templated = parseTokenizer(JSON.stringify({ ...json, post_processor }));
    const plain = Array.from(tokenizer.encode("low"));
    expect(Array.from(templated.encode("low"))).toEqual([0, ...plain, 1]);
    expect(Array.from(templated.encode("low", { addSpecialTokens: false }))).toEqual(plain);
    expect(JSON.parse(templated.toJson())).toEqual({ ...json, post_processor });
  }
});

/** The tokenizer itself, and one whose file names no added token: what it gives is what ordinary text is. */
function withAndWithoutAdded(change: (file: Record<string, unknown>) => void): [Tokenizer, Tokenizer] {
  const file = JSON.parse(tokenizer.toJson());
  change(file);
  return [parseTokenizer(JSON.stringify(file)), parseTokenizer(JSON.stringify({ ...file, added_tokens: [] }))];
}

const spelled = "low</s> <s>newest<｜User｜>\n</s>";
const added: [string, (file: Record<string, unknown>) => void][] = [
  ["in the raw text", () => {}],
  [
    "in normalized text",
    (file) => {
      file.normalizer = { type: "Lowercase" };
      for (const token of file.added_tokens as { normalized: boolean }[]) token.normalized = true;
    },
  ],
];
test.each(added)("text spelled like an added token, found %s, is ordinary text when asked for", (_, change) => {
  const [full, bare] = withAndWithoutAdded(change);
  for (const each of [spelled, "<s>", text, ""]) {
    const ordinary = bare.encodeWithOffsets(each);
    expect(full.encode(each, { addedTokens: "none" })).toEqual(bare.encode(each));
    for (const unit of ["utf16", "byte"] as const) {
      const found = full.encodeWithOffsets(each, { addedTokens: "none", unit });
      expect(found.ids).toEqual(ordinary.ids);
      expect(found.offsets).toEqual(bare.encodeWithOffsets(each, { unit }).offsets);
    }
  }
  const plain = full.encode(spelled, { addedTokens: "none" });
  expect(full.specialTokens.some((token) => plain.includes(full.idOf(token)!))).toBe(false);
  expect(full.encode(spelled)).toEqual(full.encode(spelled, { addedTokens: "all" }));
  expect(full.encode(spelled)).not.toEqual(plain);
});

test("a choice of added tokens that is none is named", () => {
  const refuse = (): unknown => tokenizer.encode("a", { addedTokens: "some" as "all" });
  expect(refuse).toThrow(/addedTokens: expected "all" or "none", got "some"/);
  expect(refuse).toThrow(ConfigError);
});

test("what is no text is refused by name", () => {
  for (const text of [undefined, null, 5, ["low"]] as unknown as string[]) {
    expect(() => tokenizer.encode(text)).toThrow(DtypeError);
    expect(() => tokenizer.encode(text)).toThrow(/encode: text: expected a string, got (undefined|null|number|object)/);
  }
  expect(() => tokenizer.encodeWithOffsets(undefined as unknown as string)).toThrow(DtypeError);
  expect(() => tokenizer.encodeBatch([undefined as unknown as string])).toThrow(DtypeError);
});

test("tokens to add are a list of texts or objects", () => {
  const growing = parseTokenizer(tokenizer.toJson());
  for (const [tokens, message] of [
    ["abc", /addTokens: tokens: expected a list of tokens, got "abc"/],
    [["abc", 5], /addTokens: tokens\[1\]: expected a text, or an object with content, got 5/],
    [[{}], /addTokens: tokens\[0\]/],
    [[undefined], /addTokens: tokens\[0\]: .*undefined/],
  ] as unknown as [string[], RegExp][]) {
    expect(() => growing.addTokens(tokens)).toThrow(ConfigError);
    expect(() => growing.addTokens(tokens)).toThrow(message);
  }
  expect(growing.vocabSize).toBe(tokenizer.vocabSize);
});

test("an added token is kept with U+FFFD for a lone surrogate, as texts are", () => {
  const growing = parseTokenizer(tokenizer.toJson());
  expect(growing.addTokens(["<\ud800>", "<\ufffd>"])).toBe(1);
  expect([...growing.encode("<\udc00>")]).toEqual([320]);
  expect([growing.tokenOf(320), growing.idOf("<\ufffd>"), growing.decode([320])]).toEqual([
    "<\ufffd>",
    320,
    "<\ufffd>",
  ]);
  const json = growing.toJson();
  expect(parseTokenizer(json.replace("<\ufffd>", "<\\ud800>")).toJson()).toBe(json);
});

test("lengths and ids of truncation and padding are whole numbers, or are named", () => {
  const growing = parseTokenizer(tokenizer.toJson());
  const padding = { padId: 0, padToken: "<s>" };
  for (const [operand, value] of [
    ["length", Number.NaN],
    ["length", -1],
    ["length", 1e12],
    ["padToMultipleOf", 2.5],
    ["padId", -5],
    ["padId", 1e12],
    ["padId", undefined],
    ["padTypeId", 0.5],
    ["padToken", 5],
    ["direction", "up"],
  ] as const) {
    const wrong = { ...padding, [operand]: value } as unknown as Parameters<typeof growing.setPadding>[0];
    expect(() => growing.setPadding(wrong)).toThrow(OutOfRangeError);
    expect(() => growing.setPadding(wrong)).toThrow(`setPadding: ${operand}: expected`);
  }
  for (const [operand, value] of [
    ["maxLength", 2.5],
    ["maxLength", -1],
    ["maxLength", undefined],
    ["stride", 0.5],
    ["stride", Number.NaN],
    ["strategy", "Best"],
    ["direction", "up"],
  ] as const) {
    const wrong = { maxLength: 5, [operand]: value } as unknown as Parameters<typeof growing.setTruncation>[0];
    expect(() => growing.setTruncation(wrong)).toThrow(OutOfRangeError);
    expect(() => growing.setTruncation(wrong)).toThrow(`setTruncation: ${operand}: expected`);
  }
  expect(growing.toJson()).toBe(tokenizer.toJson());
  growing.setPadding({ ...padding, length: 8, padToMultipleOf: 0, padTypeId: 1, direction: "Left" });
  growing.setTruncation({ maxLength: 8, stride: 2, strategy: "OnlyFirst", direction: "Left" });
  expect(growing.encode("low").length).toBe(8);
});
