import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { configToJson } from "@ds3/deepseek";
import { ConfigError } from "@ds3/errors";
import { writeFileWhole } from "@ds3/trainer";
import { type StudyPlan, studyConfig } from "./study-config.ts";
import type { StudyData } from "./study-data.ts";

/**
 * Runs of two texts or plans are not compared: a folder keeps what its first run was of.
 * @throws ConfigError when it holds another study.
 */
export async function assertSameStudy(root: string, plan: StudyPlan, data: StudyData): Promise<void> {
  const { steps, batchSize, sequenceLength, peakLearningRate, biasUpdateSpeed } = plan;
  const settings = { steps, batchSize, sequenceLength, peakLearningRate, biasUpdateSpeed };
  const config = configToJson(studyConfig(data.vocabSize));
  const own = JSON.stringify({ ...settings, data: data.fingerprint, config });
  const path = join(root, "study.json");
  const known = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (known === undefined) await writeFileWhole(path, Buffer.from(own));
  if (known === undefined || known === own) return;
  throw new ConfigError({
    op: "fp8-study",
    operand: "--out",
    expected: `a folder of this study, ${own}`,
    actual: known,
    hint: "Give another --out, or the --data and --steps that its runs began with.",
  });
}
