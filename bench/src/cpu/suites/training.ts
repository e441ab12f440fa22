import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { type Tokenizer, trainBpe } from "@ds3/tokenizer";
import type { CorpusInput, CpuFigure } from "../suite-messages.ts";

const VOCAB_SIZE = 6400;
const CHUNK_BYTES = 1 << 20;
const NEWLINE = 10;

/** Training on a file of JSON strings, one a line, read as training asks for them. */
export async function* benchTraining({ corpus, origin }: CorpusInput): AsyncGenerator<CpuFigure> {
  const counts = { texts: 0, bytes: 0 };
  const start = performance.now();
  const tokenizer = trainBpe(readStrings(corpus, counts), { vocabSize: VOCAB_SIZE, preTokenizer: "gpt2" });
  const seconds = (performance.now() - start) / 1000;
  const resident = process.resourceUsage().maxRSS * 1024;
  const name = `tokenizer.train.bpe.${VOCAB_SIZE}`;
  const size = `${counts.bytes} bytes in ${counts.texts} texts of ${origin}`;
  const words = `${countWords(readStrings(corpus, { texts: 0, bytes: 0 }))} distinct words`;
  const note = `${size}, ${words}; GPT-2's pattern; merges ${mergesDigest(tokenizer)}`;
  yield { name, value: counts.bytes / 1e6 / seconds, unit: "MB/s", wallSeconds: seconds, note };
  yield { name: `${name}.seconds`, value: seconds, unit: "s" };
  yield { name: `${name}.peak-resident`, value: resident, unit: "bytes", note: "the process, reading included" };
}

/** Tells merge lists apart: SHA-256 of "left right" lines. */
function mergesDigest(tokenizer: Tokenizer): string {
  const { model } = JSON.parse(tokenizer.toJson()) as { readonly model: { readonly merges: [string, string][] } };
  const lines = model.merges.map((pair) => `${pair[0]} ${pair[1]}\n`).join("");
  return createHash("sha256").update(lines).digest("hex").slice(0, 16);
}

/** GPT-2's pattern in the engine's own terms: near enough to count by. */
function countWords(texts: Iterable<string>): number {
  const words = new Set<string>();
  const pattern = /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
  for (const text of texts) for (const [word] of text.matchAll(pattern)) words.add(word);
  return words.size;
}

function* readStrings(path: string, counts: { texts: number; bytes: number }): Generator<string> {
  for (const line of linesOf(path)) {
    const text = JSON.parse(line.toString()) as string;
    counts.texts++;
    counts.bytes += Buffer.byteLength(text);
    yield text;
  }
}

function* linesOf(path: string): Generator<Buffer> {
  const file = openSync(path, "r");
  try {
    let rest = Buffer.alloc(0);
    for (;;) {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const size = readSync(file, chunk);
      if (size === 0) break;
      rest = Buffer.concat([rest, chunk.subarray(0, size)]);
      let from = 0;
      for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE, from)) {
        yield rest.subarray(from, end);
        from = end + 1;
      }
      rest = rest.subarray(from);
    }
  } finally {
    closeSync(file);
  }
}
