import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Figure } from "../figure.ts";
import { cpuName } from "./cpu-name.ts";
import { writeCorpus } from "./made-corpus.ts";
import { measureSuite } from "./measure-suite.ts";
import { DEEPSEEK, ROOT } from "./places.ts";
import { bundleSuites } from "./suite-bundle.ts";
import type { SuiteInput } from "./suite-messages.ts";
import { datasetTexts, listDatasetFiles } from "./texts/dataset-texts.ts";
import { manualTexts } from "./texts/installed-texts.ts";
import { kindOfProse } from "./texts/text-kind.ts";

/** A build may never hold more: the corpus is larger. */
const MOST_BYTES = 1.5e9;

/** How large a corpus, and who hears of it. */
export interface MemoryOptions {
  readonly bytes: number;
  readonly onNote: (line: string) => void;
  readonly onProblem: (line: string) => void;
}

/** Builds a corpus that is made up first, in a process whose memory is watched. */
export async function* benchMemory({ bytes, onNote, onProblem }: MemoryOptions): AsyncGenerator<Figure> {
  using bundle = await bundleSuites();
  const corpus = join(bundle.folder, "corpus");
  await mkdir(corpus);
  const made = await writeCorpus(corpus, { bytes, groups: prose() });
  const origin = `${(made.bytes / 1e9).toFixed(2)} GB of text in ${made.documents} made-up documents`;
  onNote(`${cpuName()}; ${origin}`);
  const suite = "memory" as const;
  const input = (scratch: string): SuiteInput => ({ suite, corpus, origin, deepseek: DEEPSEEK, scratch });
  for await (const figure of measureSuite({ bundle, suite, input })) {
    yield figure;
    if (figure.unit !== "bytes" || figure.value < MOST_BYTES) continue;
    onProblem(`${figure.name}: ${figure.value} bytes, allowed are less than ${MOST_BYTES}`);
  }
}

/** English and Chinese to take sentences from; English alone where there is no data set. */
function prose(): string[][] {
  const texts = [...datasetTexts(listDatasetFiles(ROOT))];
  const groups = (["english", "chinese"] as const).map((kind) => texts.filter((text) => kindOfProse(text) === kind));
  const filled = groups.filter(({ length }) => length > 0);
  return filled.length > 0 ? filled : [manualTexts(ROOT)];
}
