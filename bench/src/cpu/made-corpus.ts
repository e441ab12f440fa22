import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { createRandom, type Random } from "@ds3/data";

/** How large a made corpus is, and of what. */
export interface MadeCorpusOptions {
  readonly bytes: number;
  /** Texts whose sentences it is made of: those of a document are of one group. */
  readonly groups: readonly (readonly string[])[];
  readonly seed?: number;
}

const FILE_BYTES = 250_000_000;
/** Sentences of a document, at least and less than. */
const SENTENCES: readonly [number, number] = [20, 120];
const SENTENCE = /[^.!?。！？\n]{20,400}[.!?。！？]+/g;
/** One in so many documents is the one before it again. */
const REPEAT_EVERY = 50;
/** One in so many sentences ends with a word that is nowhere else. */
const NEW_WORD_EVERY = 4;

/**
 * Documents of sentences drawn at random, most of them unlike any other, with words that never come again, so that nothing
 * that grows with distinct text stays small. Every so many times a document comes twice. The same for the same options.
 */
export function* madeDocuments({ bytes, groups, seed = 1 }: MadeCorpusOptions): Generator<string> {
  const sentences = groups.map((texts) => texts.flatMap((text) => text.match(SENTENCE) ?? []));
  const random = createRandom({ seed });
  let last = "";
  for (let left = bytes, i = 1; left > 0; i++) {
    last = i % REPEAT_EVERY === 0 ? last : madeDocument(sentences[i % sentences.length]!, random);
    left -= Buffer.byteLength(last);
    yield last;
  }
}

/** Writes a corpus as JSON Lines files into a folder; returns the bytes of its texts and their number. */
export async function writeCorpus(
  folder: string,
  options: MadeCorpusOptions,
): Promise<{ readonly bytes: number; readonly documents: number }> {
  const total = { bytes: 0, documents: 0 };
  let file = createWriteStream(join(folder, "part-0.jsonl"));
  for (const text of madeDocuments(options)) {
    total.bytes += Buffer.byteLength(text);
    total.documents++;
    if (!file.write(`${JSON.stringify({ text })}\n`)) await once(file, "drain");
    if (file.bytesWritten < FILE_BYTES) continue;
    file.end();
    await finished(file);
    file = createWriteStream(join(folder, `part-${total.documents}.jsonl`));
  }
  file.end();
  await finished(file);
  return total;
}

function madeDocument(sentences: readonly string[], random: Random): string {
  const [low, high] = SENTENCES;
  const parts = Array.from({ length: low + random.below(high - low) }, () => {
    const sentence = sentences[random.below(sentences.length)]!.trim();
    return random.below(NEW_WORD_EVERY) > 0 ? sentence : `${sentence} ${newWord(random)}.`;
  });
  return parts.map((part, i) => `${part}${i % 5 === 4 ? "\n" : " "}`).join("");
}

/** Eight letters. */
function newWord(random: Random): string {
  return Array.from({ length: 8 }, () => String.fromCharCode(97 + random.below(26))).join("");
}
