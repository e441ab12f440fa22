import { createHash } from "node:crypto";
import { EmptyDataError } from "@ds3/data";
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { createSftBatches, type SftBatches } from "./create-sft-batches.ts";
import type { SftSample } from "./encode-chats.ts";
import { type FineTuneOptions, type SftSchedule, type SftStage, sftSchedule } from "./fine-tune-options.ts";

/** A stage with everything that it needs. */
export interface PlannedStage {
  readonly name: string;
  readonly steps: number;
  readonly schedule: Required<SftSchedule>;
  readonly batches: SftBatches;
  /** All that its result depends on; a resumed run must have the same. */
  readonly settings: unknown;
}

/** Names that the folder of a run needs for itself. */
const RESERVED = ["previous", "stages.jsonl", ".", ".."];

/**
 * Chooses each stage's samples, packs them and counts its steps, before anything is trained.
 *
 * @throws ConfigError for no stage, or a name that is not plain or not unique; OutOfRangeError for a number that makes no
 * sense; EmptyDataError when a stage's sources leave nothing to learn.
 */
export function planStages(options: FineTuneOptions): readonly PlannedStage[] {
  const { stages, microBatches = 1 } = options;
  requireNames(stages);
  requireAmount("microBatches", microBatches, true);
  let earlier: unknown = null;
  return stages.map((stage) => {
    const schedule = { ...sftSchedule, ...stage.schedule };
    const samples = chooseSamples(stage, options.samples);
    const batches = createSftBatches(samples, options);
    const steps = stepsOf(stage, batches.rows, options.batch * microBatches);
    requireSchedule(stage.name, schedule, steps);
    const settings = { ...settingsOf(options), name: stage.name, steps, schedule, data: fingerprint(samples), earlier };
    earlier = settings;
    return { name: stage.name, steps, schedule, batches, settings };
  });
}

function chooseSamples({ name, sources }: SftStage, samples: readonly SftSample[]): readonly SftSample[] {
  if (sources === undefined) return samples;
  const chosen = samples.filter(({ source }) => source !== undefined && sources.includes(source));
  const known = [...new Set(samples.map(({ source }) => source))].filter((source) => source !== undefined);
  const unknown = sources.filter((source) => !known.includes(source));
  if (unknown.length === 0 && chosen.length > 0) return chosen;
  throw new EmptyDataError({
    op: "fineTune",
    operand: `stages.${name}.sources`,
    expected: `sources that samples have: ${known.join(", ") || "none has one"}`,
    actual: unknown.join(", ") || "none",
  });
}

function stepsOf({ name, steps, epochs }: SftStage, rows: number, rowsPerStep: number): number {
  if (steps !== undefined) return requireAmount(`stages.${name}.steps`, steps, true);
  return Math.ceil((rows * requireAmount(`stages.${name}.epochs`, epochs!, false)) / rowsPerStep);
}

function settingsOf(options: FineTuneOptions): Record<string, unknown> {
  const { batch, microBatches = 1, seed = 0, length, separate = false, padId = 0, optimizer, clipNorm } = options;
  const packing = { batch, microBatches, seed, length: length ?? null, separate, padId };
  // JSON has no Infinity.
  const training = { optimizer: optimizer ?? null, clipNorm: clipNorm === undefined ? null : `${clipNorm}` };
  return { ...packing, ...training, own: options.settings ?? null };
}

/** A hash of all ids and masks, in their order. */
function fingerprint(samples: readonly SftSample[]): string {
  const hash = createHash("sha256");
  for (const { ids, assistantMask } of samples) {
    hash.update(Int32Array.of(ids.length)).update(ids).update(assistantMask);
  }
  return hash.digest("hex").slice(0, 16);
}

function requireNames(stages: readonly SftStage[]): void {
  const names = stages.map(({ name }) => name);
  const refuse = (operand: string, expected: string, actual: string): never => {
    throw new ConfigError({ op: "fineTune", operand, expected, actual });
  };
  if (names.length === 0) refuse("stages", "at least one", "none");
  for (const [i, name] of names.entries()) {
    const operand = `stages[${i}].name`;
    if (!/^[\w.-]+$/.test(name)) refuse(operand, "letters, digits, -, _ and .", JSON.stringify(name));
    if (RESERVED.includes(name)) refuse(operand, `a name other than ${RESERVED.join(", ")}`, JSON.stringify(name));
    if (names.indexOf(name) < i) refuse(operand, "a name that no stage before has", JSON.stringify(name));
  }
}

function requireSchedule(name: string, { peak, floor, warmupSteps }: Required<SftSchedule>, steps: number): void {
  const where = `stages.${name}.schedule`;
  requireAmount(`${where}.peak`, peak, false);
  if (warmupSteps !== 0) requireAmount(`${where}.warmupSteps`, warmupSteps, true, steps);
  if (floor !== 0) requireAmount(`${where}.floor`, floor, false, peak);
}

function requireAmount(operand: string, value: number, whole: boolean, most: number = Number.MAX_VALUE): number {
  if (value > 0 && value <= most && (!whole || Number.isSafeInteger(value))) return value;
  const kind = whole ? "an integer >= 1" : "a number above 0";
  const expected = most === Number.MAX_VALUE ? kind : `${kind}, at most ${most}`;
  throw new OutOfRangeError({ op: "fineTune", operand, expected, actual: `${value}` });
}
