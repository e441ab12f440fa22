import type { Document } from "@ds3/data";
import { type DeepseekModel, generate } from "@ds3/deepseek";
import type { Tokenizer } from "@ds3/tokenizer";
import type { RunPlan } from "./plan-run.ts";
import type { Sample } from "./run-record.ts";

/** How tokens are drawn: a little below the model's own spread, without the unlikely tail. */
const sampling = { temperature: 0.7, topK: 40 } as const;

/** Openings for the demo texts: a speech, a country's facts, an API with Chinese comments. */
const demoPrompts: readonly string[] = [
  "My fellow citizens, the people of the United States",
  "Geography > Climate:",
  "/**\n * 接口调用",
];

/** Longest opening of a validation document that serves as a prompt, in characters. */
const PROMPT_LENGTH = 40;

/** What the model is asked to continue: openings for the demo texts, else the first words of unseen documents. */
export function choosePrompts(validation: readonly Document[], isDemo: boolean): readonly string[] {
  return isDemo ? demoPrompts : [...new Set(validation.slice(0, 3).map(({ text }) => firstWords(text)))];
}

/** Continues each prompt by up to `sampleTokens` tokens, or to the end token; the same seed draws the same tokens. */
export async function writeSamples(
  model: DeepseekModel,
  tokenizer: Tokenizer,
  prompts: readonly string[],
  { plan, seed }: { readonly plan: RunPlan; readonly seed: number },
): Promise<Sample[]> {
  const { bosTokenId, eosTokenId } = model.config;
  const continued = await generate(
    model,
    prompts.map((prompt) => Int32Array.of(bosTokenId!, ...tokenizer.encode(prompt))),
    { ...sampling, maxNewTokens: plan.sampleTokens, seed, stopTokens: [eosTokenId!] },
  );
  return continued.map(({ prompt, tokens }) => ({
    prompt: prompts[prompt]!,
    text: wholeCharacters(tokenizer.decode(tokens, { skipSpecialTokens: true })),
  }));
}

/** One sample on the terminal: indented, line breaks kept. */
export function formatSample({ prompt, text }: Sample): string {
  return `[${prompt}]${text}`.replaceAll(/^/gm, "    ");
}

/** Without the replacement character of a last one that the limit of tokens cut in its bytes. */
function wholeCharacters(text: string): string {
  return text.replace(/\ufffd$/, "");
}

/** The opening of a text up to a word's end; cut inside only where there is no space. */
function firstWords(text: string): string {
  const opening = [...text.trim()].slice(0, PROMPT_LENGTH).join("");
  if (opening === text.trim()) return opening;
  return opening.replace(/\s+\S*$/, "");
}
