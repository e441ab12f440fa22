import {
  type BatchRamp,
  batchSequences,
  deepseekV3BatchRamp,
  deepseekV3Schedule,
  learningRate,
  multiStepSchedule,
} from "@ds3/trainer";
import { tablesOf } from "../expectations.ts";
import type { FixtureJson } from "../find-fixtures.ts";
import { type Produced, Results } from "../topic.ts";
import { camelKeys } from "./camel-keys.ts";

type Row = Readonly<Record<string, number>>;

/** Value of a row under a section's config. */
type RowValue = (row: Row, config: Record<string, unknown>) => number;

const multiStepTokens = multiStepSchedule.totalTokens;

/** Sections of the tables: which schedule, with the section's own config over the preset. */
const sections: Readonly<Record<string, RowValue>> = {
  deepseek_v3: ({ step, tokens }, config) => learningRate({ ...deepseekV3Schedule, ...config }, step!, tokens!),
  multi_step: ({ step, fraction }, config) =>
    learningRate({ ...multiStepSchedule, ...config }, step!, fraction! * multiStepTokens),
  batch_ramp: ({ tokens }, config) => batchSequences({ ...deepseekV3BatchRamp, ...config } as BatchRamp, tokens!),
};

/** Learning rates and batch sizes, row by row. */
export async function runSchedules(meta: FixtureJson): Promise<Produced> {
  const results = new Results();
  for (const { name, rows } of tablesOf(meta)) {
    const section = name.split(".")[0]!;
    const value = sections[section];
    if (!value) continue;
    const { config = {} } = meta[section] as { config?: Record<string, unknown> };
    const settings = camelKeys(config);
    results.add(
      name,
      section,
      rows.map((row) => value(row as Row, settings)),
    );
  }
  return results.collect();
}
