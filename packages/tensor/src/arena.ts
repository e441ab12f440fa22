import { StateError } from "@ds3/errors";
import { sizeOf } from "./dtype.ts";
import type { Gpu } from "./gpu.ts";
import { Tensor } from "./tensor.ts";

/** A parameter to allocate. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether weight decay applies: matrices yes, norms and biases no. */
  readonly decay: boolean;
}

/** Flat memory of many parameters: one dispatch a segment updates, clears or measures them all. */
export interface ArenaSegment {
  /** [length] f32: the parameters one after the other, each from a multiple of 64 elements on; gaps stay zero. */
  readonly values: Tensor;
  /** [length] f32, laid out like `values`. */
  readonly gradients: Tensor;
  /** Elements before this index belong to parameters with weight decay. */
  readonly decayedLength: number;
}

/** Parameters start at multiples of 64 elements: 256 bytes, WebGPU's binding alignment. */
const ALIGNMENT = 64;
/** Segments stay below the binding limit of the smallest adapter we know, WebGPU's default 128 MiB. */
const SEGMENT_ELEMENTS = (128 * 1024 * 1024) / 4;

/**
 * All parameters of a model with their gradients, in flat segments of at most 128 MiB.
 *
 * @throws StateError for two parameters of one name. A single parameter above 128 MiB gets a segment of its own and
 * is refused by the first op that binds it when the adapter cannot.
 */
export class Arena {
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly segments: readonly ArenaSegment[];
  readonly #gpu: Gpu;

  constructor(gpu: Gpu, specs: readonly ParameterSpec[]) {
    this.#gpu = gpu;
    assertNamesDiffer(specs);
    const parameters = new Map<string, Tensor>();
    this.segments = planSegments(specs).map((plan) => allocate(gpu, plan, parameters));
    // The caller's order, whatever the layout in memory.
    this.parameters = new Map(specs.map(({ name }) => [name, parameters.get(name)!]));
  }

  /** The parameter of that name. @throws StateError when there is none. */
  get(name: string): Tensor {
    const parameter = this.parameters.get(name);
    if (parameter) return parameter;
    throw new StateError({ op: "arena", operand: name, expected: "a parameter of this arena", actual: "none" });
  }

  /** Number of elements, without the gaps. */
  get size(): number {
    return [...this.parameters.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Sets all gradients to zero; before each optimiser step's first backward. */
  zeroGradients(): void {
    for (const { gradients } of this.segments) this.#gpu.clear(gradients);
  }
}

interface SegmentPlan {
  readonly entries: { readonly spec: ParameterSpec; readonly offset: number }[];
  length: number;
  decayedLength: number;
}

/** Decayed parameters first, so that one index tells both kinds apart. */
function planSegments(specs: readonly ParameterSpec[]): SegmentPlan[] {
  const ordered = [...specs.filter(({ decay }) => decay), ...specs.filter(({ decay }) => !decay)];
  const plans: SegmentPlan[] = [];
  for (const spec of ordered) {
    const elements = Math.ceil(sizeOf(spec.shape) / ALIGNMENT) * ALIGNMENT;
    let plan = plans.at(-1);
    if (!plan || plan.length + elements > SEGMENT_ELEMENTS) {
      plan = { entries: [], length: 0, decayedLength: 0 };
      plans.push(plan);
    }
    plan.entries.push({ spec, offset: plan.length });
    plan.length += elements;
    if (spec.decay) plan.decayedLength = plan.length;
  }
  return plans;
}

function allocate(gpu: Gpu, plan: SegmentPlan, parameters: Map<string, Tensor>): ArenaSegment {
  const values = gpu.zeros([plan.length]);
  const gradients = gpu.zeros([plan.length]);
  for (const { spec, offset } of plan.entries) {
    const parameter = viewOf(values, spec.shape, offset);
    parameter.grad = viewOf(gradients, spec.shape, offset);
    parameters.set(spec.name, parameter);
  }
  return { values, gradients, decayedLength: plan.decayedLength };
}

function viewOf(flat: Tensor, shape: readonly number[], offset: number): Tensor {
  return new Tensor({ gpu: flat.gpu, storage: flat.storage, shape, dtype: "f32", byteOffset: offset * 4 });
}

function assertNamesDiffer(specs: readonly ParameterSpec[]): void {
  const names = new Set<string>();
  for (const { name } of specs) {
    if (names.has(name)) {
      throw new StateError({
        op: "arena",
        operand: name,
        expected: "names that differ",
        actual: "the same name twice",
      });
    }
    names.add(name);
  }
}
