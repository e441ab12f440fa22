import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import type { Figure } from "../figure.ts";
import { cpuName } from "./cpu-name.ts";
import { measureSuite } from "./measure-suite.ts";
import { DEEPSEEK, ROOT } from "./places.ts";
import { bundleSuites } from "./suite-bundle.ts";
import type { SuiteInput } from "./suite-messages.ts";
import { datasetTexts, listDatasetFiles } from "./texts/dataset-texts.ts";
import { installedCodeTexts } from "./texts/installed-texts.ts";
import { byHash } from "./texts/select-texts.ts";

const BYTES = 50_000_000;

/** What to train on, and who hears of it. */
export interface TrainingOptions {
  /** Also write the texts to this file, a JSON string a line: what `scripts/reference/train_time.py` reads. */
  readonly text?: string;
  readonly onNote: (line: string) => void;
}

/**
 * Training to 6,400 tokens on 50 MB of distinct texts: all prose of the data sets, then programs of the packages that are
 * installed; less where there is less. The order is by hash, so that kinds mix.
 */
export async function* benchTraining({ text, onNote }: TrainingOptions): AsyncGenerator<Figure> {
  using bundle = await bundleSuites();
  const corpus = text ?? join(bundle.folder, "training.jsonl");
  const prose = [...datasetTexts(listDatasetFiles(ROOT))];
  const texts = byHash(firstBytes([...new Set(prose), ...byHash(installedCodeTexts(ROOT))], BYTES));
  await writeStrings(corpus, texts);
  onNote(`${cpuName()}; ${text === undefined ? "training" : corpus}`);
  const share = prose.reduce((sum, each) => sum + Buffer.byteLength(each), 0) / 1e6;
  const origin = `${share.toFixed(0)} MB of the data sets and programs of the repository and of installed packages`;
  const suite = "training" as const;
  const input = (scratch: string): SuiteInput => ({ suite, corpus, origin, deepseek: DEEPSEEK, scratch });
  yield* measureSuite({ bundle, suite, input });
}

/** Distinct texts until there are so many bytes of them. */
function firstBytes(texts: readonly string[], bytes: number): string[] {
  const chosen = new Set<string>();
  let left = bytes;
  for (const text of texts) {
    if (left <= 0) break;
    if (chosen.has(text)) continue;
    chosen.add(text);
    left -= Buffer.byteLength(text);
  }
  return [...chosen];
}

async function writeStrings(path: string, texts: readonly string[]): Promise<void> {
  const file = createWriteStream(path);
  for (const text of texts) if (!file.write(`${JSON.stringify(text)}\n`)) await once(file, "drain");
  file.end();
  await finished(file);
}
