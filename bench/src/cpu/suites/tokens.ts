import { readFile } from "node:fs/promises";
import { createFim, createRandom, createTokenSplitter, packBestFit } from "@ds3/data";
import { parseTokenizer } from "@ds3/tokenizer";
import { median } from "../../figure.ts";
import type { CpuFigure, TextInput } from "../suite-messages.ts";
import { bytesOfPlain, fimIdsOf } from "./corpus-encoder.ts";
import { documentsOf } from "./documents.ts";
import { timedAfterFirst } from "./timing.ts";

const REPEATS = 5;
const PIECES = 1_000_000;
const CAPACITY = 4096;

/** What happens between text and rows: fill-in-the-middle with encoding, splitting of tokens, packing. */
export async function* benchTokens(input: TextInput): AsyncGenerator<CpuFigure> {
  const tokenizer = parseTokenizer(await readFile(input.deepseek, "utf8"));
  const encode = (text: string): Int32Array => tokenizer.encode(text, { addSpecialTokens: false });
  const documents = documentsOf(input);
  const megabytes = documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) / 1e6;
  const fim = createFim({ ...fimIdsOf(tokenizer), rate: 1, seed: 1, encode });
  const fimSeconds = await timedAfterFirst(REPEATS, () => {
    for (const { text, source } of documents) fim.encode(text, source);
  });
  const fimNote = "every document, with encoding by DeepSeek's tokenizer";
  yield { name: "data.fim", value: megabytes / median(fimSeconds), unit: "MB/s", note: fimNote };
  const { vocabSize } = tokenizer;
  const splitter = createTokenSplitter({ vocabSize, bytesOf: bytesOfPlain(tokenizer), encode, seed: 1 });
  const ids = documents.map(({ text }) => encode(text));
  const splitSeconds = await timedAfterFirst(REPEATS, () => {
    for (const [i, { source }] of documents.entries()) splitter.split(ids[i]!, source);
  });
  const splitNote = `of text; ${splitter.tokens.length} tokens can be split, a tenth of them is`;
  yield { name: "data.split-tokens", value: megabytes / median(splitSeconds), unit: "MB/s", note: splitNote };
  yield packing(await timedAfterFirst(REPEATS, () => packBestFit(LENGTHS, CAPACITY)));
}

/** Log-normal, as lengths of documents are: a few hundred tokens in the middle, some of many thousands. */
const LENGTHS = logNormal(PIECES);

function logNormal(count: number): Int32Array {
  const random = createRandom({ seed: 1 });
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random.nextFloat())) * Math.cos(2 * Math.PI * random.nextFloat());
  return Int32Array.from({ length: count }, () => Math.max(1, Math.round(Math.exp(6 + 1.2 * normal()))));
}

function packing(seconds: readonly number[]): CpuFigure {
  const { lengths, utilization } = packBestFit(LENGTHS, CAPACITY);
  const note = `${lengths.length} pieces into rows of ${CAPACITY}, ${(100 * utilization).toFixed(3)} % of the places used`;
  return { name: "data.pack.best-fit", value: lengths.length / median(seconds), unit: "pieces/s", note };
}
