import { stat } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { type ReadOptions, readDocuments } from "../read-documents.ts";

/** What reading some files took. */
export interface ReadingFigures {
  /** Bytes of the files as they are on disk. */
  readonly bytes: number;
  readonly documents: number;
  /** UTF-16 units of all texts. */
  readonly textLength: number;
  readonly seconds: number;
  /** Time of the processor, in all threads of the process. */
  readonly cpuSeconds: number;
  /** 1e6 bytes of the files a second of `cpuSeconds`. */
  readonly megabytesPerCpuSecond: number;
  /** The largest resident set seen, in bytes, sampled every few thousand documents. */
  readonly peakResidentBytes: number;
}

/** Read all documents of some files as `readDocuments` gives them, one by one, keeping none, and measure it. */
export async function measureReading(paths: readonly string[], options: ReadOptions = {}): Promise<ReadingFigures> {
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const [start, cpuStart] = [performance.now(), process.cpuUsage()];
  let [documents, textLength, peakResidentBytes] = [0, 0, process.memoryUsage.rss()];
  for await (const { text } of readDocuments(paths, options)) {
    textLength += text.length;
    if (++documents % 4096 === 0) peakResidentBytes = Math.max(peakResidentBytes, process.memoryUsage.rss());
  }
  const seconds = (performance.now() - start) / 1e3;
  const { user, system } = process.cpuUsage(cpuStart);
  const cpuSeconds = (user + system) / 1e6;
  peakResidentBytes = Math.max(peakResidentBytes, process.memoryUsage.rss());
  const megabytesPerCpuSecond = bytes / 1e6 / cpuSeconds;
  return { bytes, documents, textLength, seconds, cpuSeconds, megabytesPerCpuSecond, peakResidentBytes };
}
