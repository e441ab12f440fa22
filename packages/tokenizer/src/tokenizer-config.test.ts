import { FormatError } from "@ds3/errors";
import { expect, test } from "vitest";
import { parseTokenizerConfig, type TokenizerConfig, writeTokenizerConfig } from "./tokenizer-config.ts";

test("tokens as strings or objects, templates as a text or a named list", () => {
  const config = {
    bos_token: { __type: "AddedToken", content: "<s>", special: true },
    eos_token: "</s>",
    pad_token: null,
    model_max_length: 1e30,
    added_tokens_decoder: {},
    chat_template: [
      { name: "tool_use", template: "T" },
      { name: "default", template: "D" },
    ],
  };
  expect(parseTokenizerConfig(JSON.stringify(config))).toEqual({
    bosToken: "<s>",
    eosToken: "</s>",
    chatTemplate: "D",
    otherChatTemplates: { tool_use: "T" },
  });
  expect(parseTokenizerConfig('{"chat_template":"D","model_max_length":128}')).toEqual({
    chatTemplate: "D",
    modelMaxLength: 128,
  });
});

test("what is written is read back", () => {
  const configs: TokenizerConfig[] = [
    {},
    { bosToken: "<s>", eosToken: "</s>", padToken: "<p>", unkToken: "<u>", chatTemplate: "x\ny", modelMaxLength: 7 },
    { chatTemplate: "D", otherChatTemplates: { tool_use: "T" } },
    { otherChatTemplates: { tool_use: "T" } },
  ];
  for (const config of configs) expect(parseTokenizerConfig(writeTokenizerConfig(config))).toEqual(config);
});

test("the key at fault is named", () => {
  expect(() => parseTokenizerConfig("{")).toThrow(FormatError);
  expect(() => parseTokenizerConfig("[]")).toThrow("parseTokenizerConfig: tokenizer_config.json: expected an object");
  expect(() => parseTokenizerConfig('{"bos_token":{}}')).toThrow("bos_token.content: expected a string, got nothing");
  expect(() => parseTokenizerConfig('{"chat_template":3}')).toThrow("chat_template: expected a string, or a list");
  expect(() => parseTokenizerConfig('{"chat_template":[{"name":"a"}]}')).toThrow("chat_template[0].template");
});
