/*
 * DeepSeek-V3's claim about FP8 training at a small scale: the same model, the same first weights and the same batches in f32
 * and in FP8, and how far the losses are apart; from scratch, and from weights that f32 has trained. Every run is a folder
 * that a stopped or killed command goes on with; what is finished is read, not run again.
 */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { runTraining, type Session } from "@ds3/example-shared";
import { type Gpu, openGpu } from "@ds3/tensor";
import { assertSameStudy } from "./assert-same-study.ts";
import { measurePlanted } from "./measure-outliers.ts";
import { measureRounding } from "./measure-rounding.ts";
import { type Options, parseOptions } from "./options.ts";
import { measurePromotion } from "./promotion.ts";
import { isFinished, kept, readResults } from "./results.ts";
import { ablationRuns, continuedRuns, percentRun, repeatRun, type StudyRun, scratchRuns } from "./runs.ts";
import { type StudyPlan, studyPlan } from "./study-config.ts";
import { prepareData, type StudyData } from "./study-data.ts";
import { trainRun } from "./train-run.ts";
import { writeReport } from "./write-report.ts";

const DOCS = resolve(import.meta.dirname, "../../docs");

/** Runs what is not finished yet, and writes what is known. */
export async function study(argv: readonly string[], session: Session): Promise<void> {
  const options = parseOptions(argv);
  const { out } = options;
  const plan = planOf(options);
  await mkdir(out, { recursive: true });
  const does = (part: Options["part"]): boolean => options.part === part || options.part === "all";
  if (does("promotion")) await kept(out, "promotion", () => measurePromotion());
  const runs = runsOf(plan, does);
  if (runs.length > 0) {
    const batches = plan.steps * (runs.some(({ from }) => from !== undefined) ? 2 : 1);
    const data = await prepareData(options, plan, session.print, batches);
    await assertSameStudy(out, plan, data);
    session.print(`${data.training.tokens.length} tokens to train on, ${data.vocabSize} in the tokenizer`);
    await using gpu = await openGpu();
    if (!(await trainAll(gpu, runs, plan, data, options, session))) {
      session.print("Stopped; the same command goes on.");
      return;
    }
    const onProgress = session.status;
    if (does("diagnosis")) await kept(out, "rounding", () => measureRounding(gpu, out, plan, data, onProgress));
    if (does("outliers")) {
      const [weights] = scratchRuns(plan.seeds[0]!, plan);
      await kept(out, "planted", () => measurePlanted(gpu, out, weights, plan, data, { onProgress }));
    }
  }
  await report(plan, options, session);
}

/** In the order in which they say most: the pairs, how much of it is chance, trained weights, what the tiles are for. */
function runsOf(plan: StudyPlan, does: (part: Options["part"]) => boolean): StudyRun[] {
  const [first = 0] = plan.seeds;
  const scratch = plan.seeds.map((seed) => scratchRuns(seed, plan));
  return [
    ...(does("pairs") ? [...scratch.map(([f32]) => f32), ...scratch.map(([, , fp8]) => fp8)] : []),
    ...(does("control") ? scratch.flatMap(([{ seed }, bf16]) => [repeatRun(seed, plan), bf16]) : []),
    ...(does("continued") ? plan.seeds.flatMap((seed) => continuedRuns(seed, plan)) : []),
    ...(does("diagnosis") ? [percentRun(plan)] : []),
    ...(does("outliers") ? ablationRuns(scratchRuns(first, plan)[2], plan) : []),
    ...(does("outliers") ? ablationRuns(continuedRuns(first, plan)[2], plan) : []),
  ];
}

/** False: the signal came. */
async function trainAll(
  gpu: Gpu,
  runs: readonly StudyRun[],
  plan: StudyPlan,
  data: StudyData,
  options: Options,
  session: Session,
): Promise<boolean> {
  for (const run of runs) {
    if (await isFinished(options.out, run)) continue;
    if (!(await trainRun(gpu, options.out, run, plan, data, session))) return false;
    session.print(`${run.name}: finished`);
    await report(plan, options, session);
  }
  return true;
}

async function report(plan: StudyPlan, { out, docs }: Options, { print }: Session): Promise<void> {
  const isWhole = plan.steps === studyPlan.steps && plan.seeds.length === studyPlan.seeds.length;
  const folder = docs ?? (isWhole ? DOCS : out);
  for (const line of await writeReport(join(DOCS, "fp8-study.md"), folder, await readResults(out, plan))) print(line);
}

function planOf({ steps, seeds }: Options): StudyPlan {
  return {
    ...studyPlan,
    steps,
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    ablationSteps: Math.min(studyPlan.ablationSteps, steps),
    diagnosisSeed: Math.min(studyPlan.diagnosisSeed, seeds - 1),
    diagnosisSteps: Math.min(studyPlan.diagnosisSteps, steps),
  };
}

await runTraining(import.meta, study);
