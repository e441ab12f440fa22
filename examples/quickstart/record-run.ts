import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Document } from "@ds3/data";
import { countParameters, type DeepseekModel } from "@ds3/deepseek";
import type { StepRecord, TrainResult, ValidationRecord } from "@ds3/trainer";
import { commandLine } from "./command-line.ts";
import { countBigrams } from "./kneser-ney.ts";
import type { QuickstartOptions } from "./options.ts";
import type { Curves, ExpertLoad, RunRecord, Sample, StageRecord } from "./run-record.ts";
import { sourceFigures } from "./source-figures.ts";
import type { TokenData } from "./token-data.ts";
import type { TrainingClock } from "./training-clock.ts";

/** A finished run, from which its record is made. */
export interface FinishedRun {
  readonly options: QuickstartOptions;
  readonly model: DeepseekModel;
  readonly data: TokenData;
  readonly training: TrainResult;
  readonly clock: TrainingClock;
  /** Stages after pre-training. */
  readonly stages: readonly StageRecord[];
  readonly samples: readonly Sample[];
  /** All documents, for their sources. */
  readonly documents: readonly Document[];
}

/**
 * Gathers the record of a run: curves and loads from its metrics.jsonl, so that those of a resumed run are whole, and the
 * baseline from the windows that training consumed.
 */
export async function recordRun(run: FinishedRun): Promise<RunRecord> {
  const { options, model, data, training, clock } = run;
  const { steps, validations } = await readMetrics(join(options.out, "metrics.jsonl"));
  const { validationLoss, bitsPerByte } = validations.at(-1)!;
  return {
    preset: options.preset,
    precision: options.precision,
    command: commandLine(options),
    seed: options.seed,
    adapter: model.gpu.adapter.name,
    startedAt: clock.startedAt.toISOString(),
    trainingSeconds: clock.seconds,
    wallSeconds: (Date.now() - clock.startedAt.getTime()) / 1000,
    stages: [pretrainStage(validations, data, clock), ...run.stages],
    model: modelFigures(model),
    tokens: { trained: training.tokens, validated: data.validated, perSecond: clock.tokensPerSecond },
    curves: curvesOf(steps, validations, model.mtpLossWeight),
    expertLoads: expertLoadsOf(steps, model),
    validation: { lossNats: validationLoss, bitsPerByte: bitsPerByte! },
    baseline: kneserNeyBaseline(data, model.config.vocabSize),
    samples: run.samples,
    sources: sourceFigures(run.documents),
  };
}

/** Its replies are not shown: what it writes is among the samples. */
function pretrainStage(validations: readonly ValidationRecord[], data: TokenData, clock: TrainingClock): StageRecord {
  return {
    name: "pretrain",
    measure: "validation loss, nats per token",
    unit: "nats",
    before: validations[0]!.validationLoss,
    after: validations.at(-1)!.validationLoss,
    n: data.validated,
    seconds: clock.seconds,
    curves: [],
    conversations: [],
  };
}

function kneserNeyBaseline(data: TokenData, vocabSize: number): RunRecord["baseline"] {
  const bigram = countBigrams(data.consumedWindows(), { vocabSize, discount: 0.75 });
  return {
    name: "interpolated Kneser-Ney bigram",
    countedTokens: bigram.bigrams,
    lossNats: bigram.lossNats(data.validationWindows),
  };
}

async function readMetrics(path: string): Promise<{ steps: StepRecord[]; validations: ValidationRecord[] }> {
  const text = await readFile(path, "utf8");
  const records = text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as object]));
  return {
    steps: records.filter((record): record is StepRecord => "loss" in record),
    validations: records.filter((record): record is ValidationRecord => "validationLoss" in record),
  };
}

function modelFigures({ config }: DeepseekModel): RunRecord["model"] {
  const { numHiddenLayers, hiddenSize, vocabSize, nRoutedExperts, numExpertsPerTok } = config;
  const { total, active } = countParameters(config);
  const sizes = { numHiddenLayers, hiddenSize, vocabSize, nRoutedExperts, numExpertsPerTok };
  return { parameters: total, activeParameters: active, ...sizes };
}

function curvesOf(steps: readonly StepRecord[], validations: readonly ValidationRecord[], mtpWeight: number): Curves {
  return {
    steps: steps.map(({ step }) => step),
    train: steps.map(({ terms }) => terms.main!),
    // Logged as it enters the total; the curve shows it before its weight, comparable to the others.
    mtp: steps.flatMap(({ terms }) => (terms.mtp === undefined ? [] : [terms.mtp / mtpWeight])),
    learningRate: steps.map((record) => record.learningRate),
    validation: validations.map(({ step, validationLoss }) => ({ step, lossNats: validationLoss })),
  };
}

/** One entry a layer with experts, the multi-token prediction modules' last. */
function expertLoadsOf(records: readonly StepRecord[], { config, layers }: DeepseekModel): ExpertLoad[] {
  const names = layers.flatMap(({ moe }, index) => (moe ? [layerName(index, config.numHiddenLayers)] : []));
  const steps = records.map(({ step }) => step);
  return names.map((layer, row) => ({ layer, steps, loads: records.map(({ expertLoads }) => expertLoads![row]!) }));
}

function layerName(index: number, numHiddenLayers: number): string {
  return index < numHiddenLayers ? `layer ${index + 1}` : `MTP ${index - numHiddenLayers + 1}`;
}
