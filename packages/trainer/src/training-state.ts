import type { Arena, Tensor } from "@ds3/tensor";
import { parseSafetensors, type SafetensorsTensor, serializeSafetensors } from "@ds3/tensor/safetensors";
import { TrainingCheckpointError } from "./errors.ts";
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
}

/** The optimiser's and the run's state as files. */
export async function saveTrainingState(
  arena: Arena,
  optimizer: Optimizer,
  state: RunState,
): Promise<Record<string, Uint8Array>> {
  const entries = await Promise.all(
    momentTensors(optimizer).map(async ({ name, tensor }) => ({
      name,
      dtype: tensor.dtype === "bf16" ? ("BF16" as const) : ("F32" as const),
      shape: [...tensor.shape],
      data: await tensor.data<"f32" | "bf16">(),
    })),
  );
  const layout = { parameters: layoutOf(arena), optimizerSteps: optimizer.steps };
  const json = JSON.stringify({ ...state, ...layout }, null, 2);
  return { [OPTIMIZER]: serializeSafetensors(entries), [STATE]: new TextEncoder().encode(json) };
}

/** Puts the moments back and returns the run's state. @throws TrainingCheckpointError for another model's state. */
export function loadTrainingState(
  files: Readonly<Record<string, Uint8Array>>,
  arena: Arena,
  optimizer: Optimizer,
): RunState {
  const [moments, json] = [files[OPTIMIZER], files[STATE]];
  if (!moments || !json) throw mismatch("files", `${OPTIMIZER} and ${STATE}`, Object.keys(files).join(", "));
  const { parameters, optimizerSteps, ...state } = JSON.parse(new TextDecoder().decode(json));
  const layout = layoutOf(arena);
  if (JSON.stringify(parameters) !== JSON.stringify(layout)) {
    throw mismatch(
      "parameters",
      `the ${layout.length} parameters of this model`,
      `${parameters?.length} of another one`,
    );
  }
  const stored = parseSafetensors(moments);
  for (const { name, tensor } of momentTensors(optimizer)) restore(name, tensor, stored.get(name));
  optimizer.steps = optimizerSteps;
  return state as RunState;
}

function restore(name: string, tensor: Tensor, stored: SafetensorsTensor | undefined): void {
  const dtype = tensor.dtype === "bf16" ? "BF16" : "F32";
  if (stored?.dtype !== dtype || stored.shape[0] !== tensor.size) {
    throw mismatch(name, `${dtype} [${tensor.size}]`, stored ? `${stored.dtype} [${stored.shape}]` : "nothing");
  }
  tensor.gpu.write(tensor, stored.data as ArrayLike<number>);
}

function momentTensors({ moments }: Optimizer): { name: string; tensor: Tensor }[] {
  return moments.flatMap(({ first, second }, i) => [
    { name: `first.${i}`, tensor: first },
    { name: `second.${i}`, tensor: second },
  ]);
}

function layoutOf(arena: Arena): { name: string; shape: readonly number[]; offset: number }[] {
  return [...arena.parameters].map(([name, { shape, byteOffset }]) => ({ name, shape, offset: byteOffset / 4 }));
}

function mismatch(operand: string, expected: string, actual: string): TrainingCheckpointError {
  const hint = "Resume with the config the run was started with, or start a new run in another folder.";
  return new TrainingCheckpointError({ op: "resume", operand, expected, actual, hint });
}
