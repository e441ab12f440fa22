import { expect, test } from "vitest";
import { createChatTemplate } from "./create-chat-template.ts";

const messages = [{ role: "user", content: "hi" }];

test("variables come from the template's options, then from the rendering's", () => {
  const template = createChatTemplate("{{ bos_token }}{{ mood }}{{ messages[0].content }}{{ eos_token }}", {
    bosToken: "<s>",
    mood: "good ",
  });
  expect(template.render(messages)).toBe("<s>good hi");
  expect(template.render(messages, { mood: "bad " })).toBe("<s>bad hi");
  expect(template.render(messages, { mood: undefined })).toBe("<s>good hi");
});

test("tools and documents are none unless given, as in transformers", () => {
  const template = createChatTemplate("{{ tools is none }} {{ documents is none }} {{ add_generation_prompt }}");
  expect(template.render(messages)).toBe("True True False".toLowerCase());
  expect(template.render(messages, { tools: [], addGenerationPrompt: true })).toBe("false true true");
});

test("strftime_now gives today's date unless another is set", () => {
  const source = "{{ strftime_now('%Y') }}";
  expect(createChatTemplate(source).render(messages)).toBe(String(new Date().getFullYear()));
  expect(createChatTemplate(source, { strftime_now: (form: string) => `(${form})` }).render(messages)).toBe("(%Y)");
});

test("generation blocks render as their text", () => {
  expect(createChatTemplate("a {%- generation -%} b {%- endgeneration -%} c").render(messages)).toBe("abc");
});
