import { FormatError } from "@ds3/errors";
import { expect, test } from "vitest";
import { parseTokenizerConfig, type TokenizerConfig, writeTokenizerConfig } from "./tokenizer-config.ts";

const templates = [
  { name: "tool_use", template: "T" },
  { name: "default", template: "D" },
];

test("tokens as strings or objects, templates as a text or a named list", () => {
  const bos = { __type: "AddedToken", content: "<s>", special: true };
  const config = {
    bos_token: bos,
    eos_token: "</s>",
    pad_token: null,
    model_max_length: 1e30,
    chat_template: templates,
  };
  expect(parseTokenizerConfig(JSON.stringify(config))).toEqual({
    bosToken: "<s>",
    eosToken: "</s>",
    chatTemplate: "D",
    otherChatTemplates: { tool_use: "T" },
    others: { bos_token: bos, pad_token: null, model_max_length: 1e30, chat_template: templates },
  });
  expect(parseTokenizerConfig('{"chat_template":"D","model_max_length":128,"add_bos_token":true}')).toEqual({
    chatTemplate: "D",
    modelMaxLength: 128,
    addBosToken: true,
  });
});

test("what is written is read back", () => {
  const configs: TokenizerConfig[] = [
    {},
    { bosToken: "<s>", eosToken: "</s>", padToken: "<p>", unkToken: "<u>", chatTemplate: "x\ny", modelMaxLength: 7 },
    { chatTemplate: "D", otherChatTemplates: { tool_use: "T" } },
    { otherChatTemplates: { tool_use: "T" } },
    { addBosToken: true, addEosToken: false },
  ];
  const others = { clean_up_tokenization_spaces: false, tokenizer_class: "PreTrainedTokenizerFast" };
  for (const config of configs) {
    expect(parseTokenizerConfig(writeTokenizerConfig(config))).toEqual({ ...config, others });
  }
});

/** A file as transformers writes it: sorted keys, two spaces, a line break at the end. */
const released = {
  add_bos_token: true,
  add_eos_token: null,
  added_tokens_decoder: {
    "0": { content: "<s>", lstrip: false, normalized: true, rstrip: false, single_word: false, special: true },
  },
  bos_token: { __type: "AddedToken", content: "<s>", lstrip: false, normalized: true },
  chat_template: templates,
  clean_up_tokenization_spaces: false,
  eos_token: "</s>",
  legacy: true,
  model_max_length: 1e30,
  pad_token: null,
  sp_model_kwargs: {},
  tokenizer_class: "LlamaTokenizerFast",
};

test("reading and writing loses nothing, to the byte for a file that transformers wrote", () => {
  const text = `${JSON.stringify(released, null, 2)}\n`;
  expect(writeTokenizerConfig(parseTokenizerConfig(text))).toBe(text);
});

test("a field that is changed is written, and the flags of the tokens that are not stay", () => {
  const config = parseTokenizerConfig(JSON.stringify(released));
  const changed = { ...config, bosToken: "<b>", padToken: "</s>", modelMaxLength: 5, chatTemplate: "E" };
  expect(JSON.parse(writeTokenizerConfig(changed))).toEqual({
    ...released,
    bos_token: "<b>",
    pad_token: "</s>",
    model_max_length: 5,
    chat_template: [{ name: "default", template: "E" }, templates[0]],
  });
  const kept = JSON.parse(writeTokenizerConfig({ ...config, eosToken: "<e>" })) as Record<string, unknown>;
  expect(kept).toEqual({ ...released, eos_token: "<e>" });
});

test("the key at fault is named", () => {
  expect(() => parseTokenizerConfig("{")).toThrow(FormatError);
  expect(() => parseTokenizerConfig("[]")).toThrow("parseTokenizerConfig: tokenizer_config.json: expected an object");
  expect(() => parseTokenizerConfig('{"bos_token":{}}')).toThrow("bos_token.content: expected a string, got nothing");
  expect(() => parseTokenizerConfig('{"chat_template":3}')).toThrow("chat_template: expected a string, or a list");
  expect(() => parseTokenizerConfig('{"chat_template":[{"name":"a"}]}')).toThrow("chat_template[0].template");
});
