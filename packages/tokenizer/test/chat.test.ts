import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ChatTemplateError } from "../src/chat/chat-template-error.ts";
import { type ChatMessage, type ChatTemplate, createChatTemplate } from "../src/chat/create-chat-template.ts";
import { deepseekChatTemplate } from "../src/chat/deepseek-chat-template.ts";
import { encodeConversation, encodePrompt, encodeReply } from "../src/chat/encode-chat.ts";
import { loadChatTemplate } from "../src/chat/load-chat-template.ts";
import { loadTokenizer } from "../src/files/load-tokenizer.ts";
import { saveTokenizer } from "../src/files/save-tokenizer.ts";
import { saveTokenizerConfig } from "../src/files/save-tokenizer-config.ts";
import { parseTokenizer } from "../src/parse-tokenizer.ts";
import type { Tokenizer } from "../src/tokenizer.ts";
import { chatConfig, chatFixtures, trainChatTokenizer } from "./chat-model-folder.ts";

interface Cases {
  readonly date: string;
  readonly tools: readonly unknown[];
  readonly conversations: Readonly<Record<string, readonly ChatMessage[]>>;
  /** A text and what the generation prompt adds to it, or the message of a refusal. */
  readonly rendered: readonly {
    readonly template: string;
    readonly conversation: string;
    readonly tools: boolean;
    readonly text?: string;
    readonly prompt?: string;
    readonly message?: string;
  }[];
  readonly masked: readonly {
    readonly template: string;
    readonly conversation: string;
    readonly ids: readonly number[];
    /** Where the mask is 1. */
    readonly ranges: readonly (readonly [start: number, end: number])[];
  }[];
  /** Ids of what the default template renders, and those that the generation prompt adds. */
  readonly loaded: readonly {
    readonly conversation: string;
    readonly ids: readonly number[];
    readonly prompt: readonly number[];
  }[];
}

const cases = JSON.parse(readFileSync(join(chatFixtures, "rendered.json"), "utf8")) as Cases;
const templates = new Map(
  readdirSync(chatFixtures)
    .filter((file) => file.endsWith(".jinja"))
    .map((file) => [basename(file, ".jinja"), createFrom(readFileSync(join(chatFixtures, file), "utf8"), file)]),
);
const tokenizer = trainChatTokenizer();
const { bosToken, eosToken } = chatConfig;

function createFrom(source: string, name: string): ChatTemplate {
  const { bosToken, eosToken } = chatConfig;
  return createChatTemplate(source, { bosToken, eosToken, name, strftime_now: () => cases.date });
}

describe("templates render what transformers renders", () => {
  test("there are templates and cases", () => {
    expect(templates.size).toBeGreaterThan(4);
    expect(new Set(cases.rendered.map(({ template }) => template))).toEqual(new Set(templates.keys()));
    expect(templates.get("deepseek")!.source).toBe(deepseekChatTemplate);
  });
  for (const [name, template] of templates) {
    test(name, () => {
      for (const one of cases.rendered.filter((each) => each.template === name)) {
        const messages = cases.conversations[one.conversation]!;
        for (const addGenerationPrompt of [false, true]) {
          const options = { addGenerationPrompt, tools: one.tools ? cases.tools : undefined };
          const text = `${one.text}${addGenerationPrompt ? one.prompt : ""}`;
          if (one.text !== undefined) expect(template.render(messages, options)).toBe(text);
          else expect(() => template.render(messages, options)).toThrow(one.message);
        }
      }
    });
  }
});

describe("a folder as ds3 writes it", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ds3-chat-"));
    await saveTokenizer(tokenizer, join(folder, "tokenizer.json"));
    await saveTokenizerConfig(join(folder, "tokenizer_config.json"), chatConfig);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("gives AutoTokenizer's texts and ids", async () => {
    expect((await readdir(folder)).sort()).toEqual(["tokenizer.json", "tokenizer_config.json"]);
    const [loaded, template] = await Promise.all([
      loadTokenizer(join(folder, "tokenizer.json")),
      loadChatTemplate(folder),
    ]);
    expect(cases.loaded.length).toBeGreaterThan(0);
    for (const { conversation, ids, prompt } of cases.loaded) {
      const messages = cases.conversations[conversation]!;
      const { text } = cases.rendered.find((one) => one.template === "deepseek" && one.conversation === conversation)!;
      expect(template.render(messages)).toBe(text);
      expect([...loaded.encode(text!, { addSpecialTokens: false })]).toEqual(ids);
      expect([...encodePrompt(loaded, template, messages)]).toEqual([...ids, ...prompt]);
      if (messages.at(-1)!.role === "user") expect([...encodeAll(template, messages).ids]).toEqual(ids);
    }
  });

  test("says what transformers asks for", async () => {
    const config = JSON.parse(await readFile(join(folder, "tokenizer_config.json"), "utf8")) as unknown;
    expect(config).toEqual({
      bos_token: bosToken,
      eos_token: eosToken,
      chat_template: deepseekChatTemplate,
      clean_up_tokenization_spaces: false,
      model_max_length: 4096,
      tokenizer_class: "PreTrainedTokenizerFast",
    });
  });
});

/** Masked text of a conversation, by stretches. */
function spokenBy({ ids, assistantMask }: { ids: Int32Array; assistantMask: Uint8Array }): string[] {
  const stretches: number[][] = [];
  ids.forEach((id, i) => {
    if (!assistantMask[i]) return;
    if (!assistantMask[i - 1]) stretches.push([]);
    stretches.at(-1)!.push(id);
  });
  return stretches.map((stretch) => tokenizer.decode(stretch));
}

/** A tokenizer whose post-processor puts a bos before each text. */
function withBos(json: string, token: string, id: number): Tokenizer {
  const single = [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }];
  const special_tokens = { [token]: { id: token, ids: [id], tokens: [token] } };
  const post_processor = { type: "TemplateProcessing", single, pair: single, special_tokens };
  return parseTokenizer(JSON.stringify({ ...(JSON.parse(json) as object), post_processor }));
}

const encodeAll = (template: ChatTemplate, messages: readonly ChatMessage[]) =>
  encodeConversation(tokenizer, template, messages);

describe("conversations", () => {
  for (const [name, template] of templates) {
    test(`${name}: the decoded ids are the rendered text, the mask what the assistant says`, () => {
      let checked = 0;
      for (const [conversation, messages] of Object.entries(cases.conversations)) {
        if (["two_systems", "thinking", "unknown_role"].includes(conversation)) continue;
        const rendered = cases.rendered.find((one) => one.template === name && one.conversation === conversation)!;
        if (rendered.text === undefined) continue;
        const encoded = encodeAll(template, messages);
        expect(tokenizer.decode(encoded.ids)).toBe(rendered.text);
        expect(encoded.assistantMask.length).toBe(encoded.ids.length);
        const spoken = messages.filter(({ role }) => role === "assistant").map(({ content }) => content);
        const masked = spokenBy(encoded);
        expect(masked.length).toBe(spoken.length);
        masked.forEach((text, i) => {
          const end = [eosToken!, "<|im_end|>", "<|eot_id|>"].find((token) => text.endsWith(token))!;
          expect(text.slice(0, -end.length).trim()).toBe(spoken[i]!.trim());
        });
        checked++;
      }
      expect(checked).toBeGreaterThan(3);
    });
  }

  test("where a template marks what is generated, ids and mask are those of transformers", () => {
    expect(cases.masked.length).toBeGreaterThan(0);
    for (const { template, conversation, ids, ranges } of cases.masked) {
      const encoded = encodeAll(templates.get(template)!, cases.conversations[conversation]!);
      expect([...encoded.ids]).toEqual(ids);
      const isSpoken = (at: number): boolean => ranges.some(([start, end]) => at >= start && at < end);
      expect([...encoded.assistantMask]).toEqual(ids.map((_, at) => Number(isSpoken(at))));
    }
  });

  test("each reply and its prompt have the ids that generation sees and gives", () => {
    for (const template of templates.values()) {
      const messages = cases.conversations.multi!;
      const { ids, assistantMask } = encodeAll(template, messages);
      messages.forEach(({ role, content }, i) => {
        if (role !== "assistant") return;
        const before = messages.slice(0, i);
        const { prompt, completion } = encodeReply(tokenizer, template, before, content);
        expect(prompt).toEqual(encodePrompt(tokenizer, template, before));
        expect([...ids.subarray(0, prompt.length)]).toEqual([...prompt]);
        const end = prompt.length + completion.length;
        expect([...ids.subarray(prompt.length, end)]).toEqual([...completion]);
        expect([...assistantMask.subarray(prompt.length - 1, end + 1)]).toEqual([0, ...completion.map(() => 1), 0]);
      });
    }
  });

  test("a reply that could join with the prompt's last token is encoded apart from it", () => {
    const template = createChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}");
    const plain = (text: string): number[] => [...tokenizer.encode(text, { addSpecialTokens: false })];
    const reply = encodeReply(tokenizer, template, [{ role: "user", content: "lo" }], "ss");
    expect([[...reply.prompt], [...reply.completion]]).toEqual([plain("lo"), plain("ss")]);
    expect(plain("loss")).not.toEqual([...reply.prompt, ...reply.completion]);
  });

  test("a bos that the template writes stands once, though the tokenizer's post-processor adds one to other texts", () => {
    const bosId = tokenizer.idOf(bosToken!)!;
    const adding = withBos(tokenizer.toJson(), bosToken!, bosId);
    expect([...adding.encode("the")]).toEqual([bosId, ...tokenizer.encode("the")]);
    const { ids } = encodeConversation(adding, templates.get("deepseek")!, cases.conversations.multi!);
    const reply = encodeReply(adding, templates.get("deepseek")!, cases.conversations.one!, "Hi");
    for (const whole of [ids, Int32Array.of(...reply.prompt, ...reply.completion)]) {
      expect(whole.filter((id) => id === bosId).length).toBe(1);
      expect(whole[0]).toBe(bosId);
    }
  });

  test("white space after the end-of-turn token is not the assistant's", () => {
    const chatml = templates.get("chatml-like")!;
    const { completion } = encodeReply(tokenizer, chatml, cases.conversations.one!, "Hi\n");
    expect(tokenizer.decode(completion)).toBe("Hi\n<|im_end|>");
    expect(spokenBy(encodeAll(chatml, cases.conversations.system!))).toEqual(["4<|im_end|>"]);
  });

  test("without an assistant nothing is masked", () => {
    const { assistantMask } = encodeAll(templates.get("deepseek")!, cases.conversations.one!);
    expect(assistantMask.length).toBeGreaterThan(0);
    expect(assistantMask).toEqual(new Uint8Array(assistantMask.length));
  });

  test("tools reach the template", () => {
    const { tools } = cases;
    const template = templates.get("qwen-like")!;
    const { ids } = encodeConversation(tokenizer, template, cases.conversations.tool!, { tools });
    expect(tokenizer.decode(ids)).toBe(template.render(cases.conversations.tool!, { tools }));
    expect(tokenizer.decode(ids)).toContain("add_numbers");
  });
});

describe("what cannot be encoded is named", () => {
  const thinking = cases.conversations.thinking!;

  test("a template that strips the thinking of earlier turns, with what to do", () => {
    const r1 = templates.get("r1-like")!;
    expect(() => encodeAll(r1, thinking)).toThrow(ChatTemplateError);
    expect(() => encodeAll(r1, thinking)).toThrow(/messages\[1\] in r1-like\.jinja.*Encode each reply on its own/s);
    const { prompt, completion } = encodeReply(tokenizer, r1, thinking.slice(0, 3), thinking[3]!.content);
    expect(tokenizer.decode(prompt)).toBe(
      `${bosToken}<｜User｜>17 * 3?<｜Assistant｜>51${eosToken}<｜User｜>plus 1?<｜Assistant｜>`,
    );
    expect(tokenizer.decode(completion)).toBe(`${thinking[3]!.content}${eosToken}`);
  });

  test("a template that drops a part of a reply", () => {
    const source =
      "{% for m in messages %}[{{ m.content.split('</think>')[-1] }}{% endfor %}{% if add_generation_prompt %}[{% endif %}";
    const template = createChatTemplate(source);
    expect(() => encodeAll(template, thinking)).toThrow(/messages\[1\].*the whole content "<think>10\*3/);
    expect(() => encodeReply(tokenizer, template, thinking.slice(0, 1), "<think>x</think>y")).toThrow(
      ChatTemplateError,
    );
  });

  test("a generation prompt that an assistant's message does not begin with", () => {
    const source =
      "{% for m in messages %}[{{ m.content }}{% endfor %}{% if add_generation_prompt %}[<think>{% endif %}";
    const encode = () => encodeAll(createChatTemplate(source), cases.conversations.system!);
    expect(encode).toThrow(/messages\[2\] in chat template: expected an assistant's message that begins with/);
  });

  test("text that does not parse, and messages that a template refuses", () => {
    const broken = () => createChatTemplate("{% for m in %}", { name: "mine" });
    expect(broken).toThrow(ChatTemplateError);
    expect(broken).toThrow(/^createChatTemplate: mine: expected Jinja that parses, got /);
    const refusing = createChatTemplate("{{ raise_exception('no ' ~ messages[0].role) }}");
    expect(() => encodePrompt(tokenizer, refusing, [{ role: "critic", content: "" }])).toThrow(/got no critic\./);
  });
});
