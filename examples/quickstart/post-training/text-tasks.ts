import { createRandom, type Document, type Random } from "@ds3/data";

/** A user's message and the assistant's reply. */
export interface Exchange {
  readonly user: string;
  readonly assistant: string;
}

interface Task {
  readonly ask: Readonly<Record<Language, (text: string) => string>>;
  /** What is asked about and the reply, from an opening and what follows it. */
  readonly from: (opening: string, next: string) => readonly [text: string, reply: string];
}

type Language = "en" | "zh";

const tasks: readonly Task[] = [
  {
    ask: { en: (text) => `Continue: ${text}`, zh: (text) => `请续写：${text}` },
    from: (opening, next) => [opening, next],
  },
  {
    ask: { en: (text) => `Repeat: ${text}`, zh: (text) => `请重复：${text}` },
    from: (opening) => [opening, opening],
  },
];

/** Characters of an opening, and of what is to follow it; a Chinese character says as much as a few letters. */
const SPANS: Readonly<Record<Language, number>> = { en: 48, zh: 12 };
const TEXT_STREAM = 102;

/** `count` exchanges about places in the documents, drawn by the seed; fewer where the documents are too short. */
export function textExchanges(documents: readonly Document[], count: number, seed: number): Exchange[] {
  const random = createRandom({ seed, stream: TEXT_STREAM });
  const texts = documents.map(({ text }) => text.trim()).filter((text) => text.length > 4 * SPANS.en);
  if (texts.length === 0) return [];
  return Array.from({ length: count }, () => exchange(texts[random.below(texts.length)]!, random));
}

function exchange(text: string, random: Random): Exchange {
  const from = random.below(text.length - 3 * SPANS.en);
  const place = text.slice(from, from + 3 * SPANS.en);
  const language: Language = /\p{Script=Han}/u.test(place) ? "zh" : "en";
  const [opening, rest] = cut(place.trimStart().replaceAll(/\s+/g, " "), SPANS[language]);
  const [next] = cut(rest, SPANS[language]);
  const task = tasks[random.below(tasks.length)]!;
  const [about, reply] = task.from(opening.trim(), next.trim());
  return { user: task.ask[language](about), assistant: reply };
}

/** The first `length` characters, up to a word's end where there is one, and the rest. */
function cut(text: string, length: number): [string, string] {
  const characters = [...text];
  const opening = characters.slice(0, length).join("");
  const word = opening.replace(/\s+\S*$/, "");
  const kept = word.length > opening.length / 2 ? word : opening;
  return [kept, text.slice(kept.length)];
}
