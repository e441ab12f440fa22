import type { Arena, Tensor } from "@ds3/tensor";
import { parseSafetensors, type SafetensorsTensor, serializeSafetensors } from "@ds3/tensor/safetensors";
import { TrainingCheckpointError } from "./errors.ts";
import { firstDifference } from "./first-difference.ts";
import type { KernelsInUse } from "./kernels-in-use.ts";
import type { Optimizer } from "./optimizer.ts";

/** File names of the trainer's own state beside the model's files. */
const OPTIMIZER = "optimizer.safetensors";
const STATE = "state.json";

/** What resumes a run beside model and moments. */
export interface RunState {
  readonly step: number;
  readonly tokens: number;
  /** Position of the batch source. */
  readonly cursor: unknown;
  /** What the run was started with; a resumed run must have the same. */
  readonly settings: unknown;
  /** Adapter and kernel target: results are the same bit for bit on these only. */
  readonly adapter: unknown;
  /** Absent in checkpoints from before tables of kernels. */
  readonly kernels?: KernelsInUse;
}

/** The optimiser's and the run's state as files: optimizer.safetensors and state.json. */
export async function saveTrainingState(
  arena: Arena,
  optimizer: Optimizer,
  state: RunState,
): Promise<Record<string, Uint8Array>> {
  const entries = await Promise.all(
    momentTensors(optimizer).map(async ({ name, tensor }) => ({
      name,
      dtype: dtypeOf(tensor),
      shape: [...tensor.shape],
      data: await tensor.data<"f32" | "bf16">(),
    })),
  );
  const layout = { parameters: layoutOf(arena), optimizerSteps: optimizer.steps };
  const json = JSON.stringify({ ...state, ...layout }, null, 2);
  return { [OPTIMIZER]: serializeSafetensors(entries), [STATE]: new TextEncoder().encode(json) };
}

/** A run's state that was checked, before anything of it is in place. */
export interface LoadedState {
  readonly state: RunState;
  /** Puts the moments back. */
  apply(): void;
}

/**
 * Reads and checks what `saveTrainingState` gave. Nothing is written before `apply`.
 *
 * @throws TrainingCheckpointError naming what differs, for other settings, another model's or optimiser's state;
 * FormatError for a damaged safetensors file.
 */
export function loadTrainingState(
  files: Readonly<Record<string, Uint8Array>>,
  arena: Arena,
  optimizer: Optimizer,
  settings: unknown,
): LoadedState {
  const [moments, json] = [files[OPTIMIZER], files[STATE]];
  if (!moments || !json) throw mismatch("files", `${OPTIMIZER} and ${STATE}`, Object.keys(files).join(", "));
  const { parameters, optimizerSteps, ...state } = JSON.parse(new TextDecoder().decode(json));
  assertSame("settings", settings, state.settings);
  assertSame("parameters", layoutOf(arena), parameters);
  const stored = parseSafetensors(moments);
  const places = momentTensors(optimizer).map(({ name, tensor }) => ({
    tensor,
    data: momentData(name, tensor, stored.get(name)),
  }));
  const apply = (): void => {
    for (const { tensor, data } of places) tensor.gpu.write(tensor, data);
    optimizer.steps = optimizerSteps;
  };
  return { state: state as RunState, apply };
}

function assertSame(operand: string, wanted: unknown, stored: unknown): void {
  const difference = firstDifference(operand, wanted, stored);
  if (difference) throw mismatch(difference.path, difference.expected, difference.actual);
}

function momentData(name: string, tensor: Tensor, stored: SafetensorsTensor | undefined): ArrayLike<number> {
  const dtype = dtypeOf(tensor);
  if (stored?.dtype !== dtype || stored.shape[0] !== tensor.size) {
    const actual = stored ? `${stored.dtype} [${stored.shape}]` : "nothing";
    throw mismatch(`optimiser moments ${name}`, `${dtype} [${tensor.size}]`, actual);
  }
  return stored.data as ArrayLike<number>;
}

function momentTensors({ moments }: Optimizer): { name: string; tensor: Tensor }[] {
  return moments.flatMap(({ first, second }, i) => [
    { name: `first.${i}`, tensor: first },
    { name: `second.${i}`, tensor: second },
  ]);
}

function dtypeOf(tensor: Tensor): "BF16" | "F32" {
  return tensor.dtype === "bf16" ? "BF16" : "F32";
}

/** Shape and place of every parameter by name: moments have no names of their own. */
function layoutOf(arena: Arena): Record<string, { shape: readonly number[]; offset: number }> {
  const entries = [...arena.parameters].map(([name, { shape, byteOffset }]) => [
    name,
    { shape, offset: byteOffset / 4 },
  ]);
  return Object.fromEntries(entries);
}

function mismatch(operand: string, expected: string, actual: string): TrainingCheckpointError {
  const hint = "Resume with what the run was started with, or start a new run in another folder.";
  return new TrainingCheckpointError({ op: "resume", operand, expected, actual, hint });
}
