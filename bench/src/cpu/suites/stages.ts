import {
  createC4,
  createFineweb,
  createGopherQuality,
  createGopherRepetition,
  createNormalizer,
  type DocumentStage,
  type StageReport,
  StageRunner,
} from "@ds3/data";
import { createLanguageStage } from "@ds3/data/language";
import { median } from "../../figure.ts";
import type { CpuFigure, TextInput } from "../suite-messages.ts";
import { documentsOf } from "./documents.ts";

const REPEATS = 5;

/** Each stage by itself over all texts, with the settings of each text's language. */
export async function* benchStages(input: TextInput): AsyncGenerator<CpuFigure> {
  const stages: DocumentStage[] = [
    createNormalizer(),
    await createLanguageStage({ again: true }),
    createGopherRepetition(),
    createGopherQuality(),
    createC4(),
    createFineweb(),
  ];
  const documents = documentsOf(input);
  const speeds = new Map<string, { readonly value: number; readonly note: string }>();
  for (const stage of stages) {
    const run = (): StageReport => {
      const runner = new StageRunner([stage], { sampleCount: 0 });
      for (const document of documents) runner.process(document);
      return runner.reports()[0]!;
    };
    const reports = Array.from({ length: REPEATS + 1 }, run).slice(1);
    const { documentsIn, documentsOut } = reports[0]!;
    const value = median(reports.map(({ megabytesPerSecond }) => megabytesPerSecond));
    speeds.set(stage.name, { value, note: `${documentsOut} of ${documentsIn} documents stay` });
  }
  for (const [name, figure] of speeds) yield { name: `data.${name}`, unit: "MB/s", ...figure };
}
