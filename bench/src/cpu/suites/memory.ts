import { join } from "node:path";
import { buildCorpus, type CorpusEncoder } from "@ds3/data/node";
import { loadTokenizer } from "@ds3/tokenizer/node";
import type { CorpusInput, CpuFigure } from "../suite-messages.ts";
import { bytesOfPlain, fimIdsOf } from "./corpus-encoder.ts";

/** A build of a corpus with all that is on by default: the process' largest resident set, and its speed. */
export async function* benchMemory({ deepseek, corpus, scratch, origin }: CorpusInput): AsyncGenerator<CpuFigure> {
  const encoder = await corpusEncoder(deepseek);
  const sources = [{ name: "made", paths: corpus }];
  const start = performance.now();
  const report = (await buildCorpus({ out: join(scratch, "shards"), sources, seed: 1 }, { encoder }))!;
  const seconds = (performance.now() - start) / 1000;
  const { bytesIn, documentsIn } = report.stages[0]!;
  const { encoding, shards } = report;
  const left = `${encoding.documents} of ${documentsIn} documents and ${shards.tokens} tokens in the end`;
  const resident = process.resourceUsage().maxRSS * 1024;
  yield { name: "data.build.peak-resident", value: resident, unit: "bytes", note: `${origin}; ${left}` };
  yield { name: "data.build", value: bytesIn / 1e6 / seconds, unit: "MB/s", wallSeconds: seconds };
  for (const { name, megabytesPerSecond, bytesIn } of report.stages) {
    const note = `of ${(bytesIn / 1e6).toFixed(0)} MB`;
    yield { name: `data.build.${name}`, value: megabytesPerSecond, unit: "MB/s", note };
  }
}

async function corpusEncoder(path: string): Promise<CorpusEncoder> {
  const tokenizer = await loadTokenizer(path);
  const { eos, ...fim } = fimIdsOf(tokenizer);
  return {
    name: "deepseek-v3",
    vocabSize: tokenizer.vocabSize,
    encode: (text) => tokenizer.encode(text, { addSpecialTokens: false }),
    eosId: eos,
    fim,
    addedTokens: tokenizer.addedTokens.map(({ content }) => content),
    bytesOf: bytesOfPlain(tokenizer),
  };
}
