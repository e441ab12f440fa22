import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "@ds3/errors";
import { afterEach, beforeEach, expect, test } from "vitest";
import { saveTokenizerConfig } from "../files/save-tokenizer-config.ts";
import { ChatTemplateError } from "./chat-template-error.ts";
import { loadChatTemplate } from "./load-chat-template.ts";

const messages = [{ role: "user", content: "hi" }];
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-template-"));
});
afterEach(() => rm(folder, { recursive: true }));

const save = (config: Parameters<typeof saveTokenizerConfig>[1]): Promise<void> =>
  saveTokenizerConfig(join(folder, "tokenizer_config.json"), config);

test("tokenizer_config.json's template has its tokens; another of several is chosen by name", async () => {
  await save({
    bosToken: "<s>",
    chatTemplate: "{{ bos_token }}D",
    otherChatTemplates: { tool_use: "T{{ eos_token }}" },
  });
  expect((await loadChatTemplate(folder)).render(messages)).toBe("<s>D");
  expect((await loadChatTemplate(folder, { template: "tool_use" })).render(messages)).toBe("T");
  await expect(loadChatTemplate(folder, { template: "tool_uses" })).rejects.toThrow('Did you mean "tool_use"?');
  expect(await readdir(folder)).toEqual(["tokenizer_config.json"]);
});

test("chat_template.jinja goes before tokenizer_config.json, and does without it", async () => {
  await writeFile(join(folder, "chat_template.jinja"), "J{{ bos_token }}");
  expect((await loadChatTemplate(folder)).render(messages)).toBe("J");
  await save({ bosToken: "<s>", chatTemplate: "D" });
  expect((await loadChatTemplate(folder)).render(messages)).toBe("J<s>");
});

test("a folder without a template, a torn file and a template that does not parse are named", async () => {
  await expect(loadChatTemplate(folder)).rejects.toThrow(ChatTemplateError);
  await save({ bosToken: "<s>" });
  await expect(loadChatTemplate(folder)).rejects.toThrow(`loadChatTemplate: ${folder}: expected a chat template named`);
  await save({ chatTemplate: "{% if %}" });
  await expect(loadChatTemplate(folder)).rejects.toThrow("tokenizer_config.json's chat_template: expected Jinja");
  await writeFile(join(folder, "tokenizer_config.json"), "{");
  await expect(loadChatTemplate(folder)).rejects.toThrow(FormatError);
});
