import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildConfig, CorpusEncoder } from "../src/build/build-config.ts";
import { createRandom } from "../src/random.ts";

const WORDS =
  "river stone paper window garden letter mountain morning table silver bridge winter summer market station music island teacher doctor engine forest valley harbour captain journey lesson picture village kitchen corner shadow thunder blanket candle".split(
    " ",
  );
const STOPS = ["the", "be", "to", "of", "and", "that", "have", "with"];

/** A text of English words, told by its number, that the default filters keep. */
export function plainText(number: number): string {
  const random = createRandom({ seed: 7, stream: number });
  const sentence = (): string => {
    const words = Array.from({ length: 9 }, (_, i) =>
      i % 3 === 1 ? STOPS[random.below(STOPS.length)]! : WORDS[random.below(WORDS.length)]!,
    );
    return `${words.join(" ")}.`;
  };
  const sentences = Array.from({ length: 8 + random.below(5) }, sentence);
  return `Document ${number} begins here.\n${sentences.join("\n")}`;
}

/** A source of each kind in a folder: JSON Lines with bad lines and duplicates, CSV, and text files. */
export function writeBuildFiles(folder: string, count: number): BuildConfig {
  mkdirSync(join(folder, "in", "texts"), { recursive: true });
  const lines = Array.from({ length: count }, (_, i) => JSON.stringify({ text: plainText(i), id: i }));
  lines.splice(5, 0, '{"text": "cut off');
  lines.splice(50, 0, lines[3]!, JSON.stringify({ text: "too short" }), "[1, 2]");
  writeFileSync(join(folder, "in", "a.jsonl"), `${lines.slice(0, count / 2).join("\n")}\n`);
  writeFileSync(join(folder, "in", "b.jsonl"), `${lines.slice(count / 2).join("\n")}\n`);
  const rows = Array.from({ length: count / 4 }, (_, i) => `${i},"${plainText(100_000 + i)}"`);
  writeFileSync(join(folder, "in", "c.csv"), `id,text\n${rows.join("\n")}\n`);
  for (let i = 0; i < 5; i++) writeFileSync(join(folder, "in", "texts", `${i}.txt`), plainText(200_000 + i));
  return {
    out: join(folder, "out"),
    sources: [
      { name: "lines", paths: join(folder, "in", "*.jsonl") },
      { name: "table", paths: [join(folder, "in", "c.csv")], repeat: 1.5, lossWeight: 2 },
      { name: "texts", paths: join(folder, "in", "texts") },
    ],
    language: false,
    seed: 3,
  };
}

/** Bytes as ids, and one token of a full stop and a line end: 256 begins, 257 ends, 258 to 260 are for FIM, 261 is ".\n". */
export function byteEncoder(): CorpusEncoder {
  const joined = 261;
  return {
    name: "bytes",
    vocabSize: 262,
    bosId: 256,
    eosId: 257,
    fim: { fimBegin: 258, fimHole: 259, fimEnd: 260 },
    encode(text) {
      const bytes = new TextEncoder().encode(text);
      const ids: number[] = [];
      for (let i = 0; i < bytes.length; i++) {
        const isJoined = bytes[i] === 46 && bytes[i + 1] === 10;
        ids.push(isJoined ? joined : bytes[i]!);
        if (isJoined) i++;
      }
      return ids;
    },
    bytesOf: (id) => (id < 256 ? Uint8Array.of(id) : id === joined ? Uint8Array.of(46, 10) : undefined),
  };
}

/** The text that ids of `byteEncoder` stand for: begin and end are left out, a rearranged document is put in order. */
export function textOfIds(ids: ArrayLike<number>): string {
  const all = Array.from(ids).slice(1, -1);
  const decode = (part: readonly number[]): string =>
    new TextDecoder().decode(Uint8Array.from(part.flatMap((id) => (id === 261 ? [46, 10] : [id]))));
  if (all[0] !== 258) return decode(all);
  const [hole, end] = [all.indexOf(259), all.indexOf(260)];
  // Cuts may go through no character, so the parts are texts of their own.
  return decode(all.slice(1, hole)) + decode(all.slice(end + 1)) + decode(all.slice(hole + 1, end));
}
