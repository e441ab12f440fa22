import { DtypeError, ShapeError, StateError } from "@ds3/errors";
import { addInto, copyTensor } from "./accumulate.ts";
import { isHalf } from "./dtype.ts";
import type { Gpu } from "./gpu.ts";
import type { Storage } from "./storage.ts";
import type { Tensor } from "./tensor.ts";

/** Where a backward rule puts the gradients of its inputs. */
export interface GradientSink {
  /** False when nobody asks for this input's gradient: skip the work. */
  wants(input: Tensor): boolean;
  /** Hands over a finished gradient. The same tensor may be given to several inputs. */
  add(input: Tensor, gradient: Tensor): void;
  /**
   * Lets a kernel write straight into the gradient's memory. `write(target, accumulate)`: with `accumulate` the kernel
   * adds to what is there, else it must write every element.
   */
  into(input: Tensor, write: (target: Tensor, accumulate: boolean) => void): void;
  /** True when nothing but this rule needs the gradient's memory: it may be overwritten, and handed on by `add`. */
  owns(gradient: Tensor): boolean;
}

/** One op on the tape. `backward` gets the gradient of each output, undefined where none arrived. */
export interface TapeNode {
  readonly label: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Tensors that backward reads: the tape keeps their memory. */
  readonly saved: readonly Tensor[];
  backward(gradients: readonly (Tensor | undefined)[], sink: GradientSink): void;
}

/** A node with the memory that the tape holds for it. */
interface RecordedNode {
  readonly node: TapeNode;
  readonly memory: readonly Storage[];
}

/**
 * Records ops while it is the innermost tape of its handle, and runs their backward rules once, in reverse.
 *
 * Parameters (tensors with `grad`) accumulate into their own gradient; for other tensors call `watch` before and
 * `gradient` after `backward`. The tape holds references to what backward needs, so scopes inside a layer may close.
 */
export class Tape {
  readonly #gpu: Gpu;
  readonly #close: (tape: Tape) => void;
  readonly #tracked = new Set<number>();
  readonly #watched = new Map<number, Tensor | undefined>();
  #nodes: RecordedNode[] = [];
  /** Gradients on their way; each holds its memory. One whose memory has other holders is copied before it is added to. */
  #gradients = new Map<number, Tensor>();
  #state: "recording" | "running" | "done" | "closed" = "recording";

  /** Tapes come from `gpu.tape()`. */
  constructor(gpu: Gpu, close: (tape: Tape) => void) {
    this.#gpu = gpu;
    this.#close = close;
  }

  /**
   * Asks for the gradient of a tensor that is not a parameter, before the ops that use it.
   * @throws DtypeError for a tensor of integers: it has no gradient.
   */
  watch<T extends Tensor>(tensor: T): T {
    if (tensor.dtype !== "f32" && !isHalf(tensor.dtype)) {
      throw new DtypeError({ op: "watch", operand: "tensor", expected: "f32, f16 or bf16", actual: `${tensor}` });
    }
    this.#tracked.add(tensor.id);
    this.#watched.set(tensor.id, undefined);
    return tensor;
  }

  tracks(tensor: Tensor): boolean {
    return tensor.grad !== undefined || this.#tracked.has(tensor.id);
  }

  record(node: TapeNode): void {
    if (node.inputs.some((input) => this.tracks(input))) this.recordAlways(node);
  }

  /** Records also when no input is tracked: the op reaches parameters in another way (`checkpoint`). */
  recordAlways(node: TapeNode): void {
    if (this.#state !== "recording") return;
    const memory = node.saved.map(({ storage }) => storage);
    for (const storage of memory) storage.retain();
    for (const output of node.outputs) this.#tracked.add(output.id);
    this.#nodes.push({ node, memory });
  }

  /**
   * Runs backward from `output` with the gradient `seed` (default: ones, for a loss). Ends the recording; the tape's
   * memory is released node by node, and all of it when a rule throws.
   *
   * @throws StateError when backward has run or the tape is closed; ShapeError, DtypeError for a seed that is not f32 of
   * the output's shape.
   */
  backward(output: Tensor, seed?: Tensor): void {
    if (seed) {
      this.backwardFrom([[output, seed]]);
      return;
    }
    const ones = this.#gpu.run(() => this.#gpu.full(output.shape, 1));
    try {
      this.backwardFrom([[output, ones]]);
    } finally {
      this.#gpu.run(() => this.#gpu.free(ones));
    }
  }

  /** Backward from several outputs at once, each with its own gradient. */
  backwardFrom(seeds: readonly (readonly [output: Tensor, gradient: Tensor])[]): void {
    if (this.#state !== "recording") throw this.#stateError("backward", "a tape that is recording");
    this.#state = "running";
    try {
      // On the tape's own handle, and not recorded by another tape that may be open.
      this.#gpu.run(() => this.#gpu.noGrad(() => this.#runNodes(seeds)));
      this.#state = "done";
    } finally {
      this.close();
    }
  }

  /**
   * Gradient of a watched tensor after backward, owned by the scope in which backward was called; undefined when none
   * reached it.
   * @throws StateError before backward, or for a tensor that was not watched.
   */
  gradient(tensor: Tensor): Tensor | undefined {
    if (this.#state !== "done") throw this.#stateError("gradient", "a tape whose backward has run");
    if (this.#watched.has(tensor.id)) return this.#watched.get(tensor.id);
    throw new StateError({
      op: "gradient",
      operand: `${tensor}`,
      expected: "a watched tensor",
      actual: tensor.grad ? "a parameter" : "one that was not watched",
      hint: tensor.grad ? "Read parameter.grad." : "Call tape.watch(tensor) before the ops that use it.",
    });
  }

  /** Drops what is recorded and releases its memory. A second call does nothing. */
  close(): void {
    if (this.#state !== "done") this.#state = "closed";
    for (const { memory } of this.#nodes) for (const storage of memory) storage.release();
    for (const { storage } of this.#gradients.values()) storage.release();
    this.#nodes = [];
    this.#gradients = new Map();
    this.#close(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  readonly #sink: GradientSink = {
    wants: (input) => this.tracks(input),
    add: (input, gradient) => this.#add(input, gradient),
    into: (input, write) => this.#into(input, write),
    owns: (gradient) => !gradient.storage.isShared && !this.#isWatched(gradient),
  };

  #stateError(op: string, expected: string): StateError {
    const actual = {
      recording: "one that is recording",
      running: "one in backward",
      done: "one that has run backward",
    };
    const hint = "Each forward needs its own gpu.tape(), and one backward.";
    return new StateError({
      op,
      operand: "tape",
      expected,
      actual: this.#state === "closed" ? "one that is closed" : actual[this.#state],
      hint,
    });
  }

  #runNodes(seeds: readonly (readonly [output: Tensor, gradient: Tensor])[]): void {
    for (const [output, gradient] of seeds) this.#sink.add(output, gradient);
    while (this.#nodes.length > 0) this.#runNode(this.#nodes.pop()!);
    for (const id of this.#watched.keys()) this.#watched.set(id, this.#takeForCaller(id));
  }

  #runNode({ node, memory }: RecordedNode): void {
    const gradients = node.outputs.map((output) => this.#gradients.get(output.id));
    const scope = this.#gpu.scope(`backward of ${node.label}`);
    try {
      if (gradients.some((gradient) => gradient !== undefined)) node.backward(gradients, this.#sink);
    } finally {
      for (const output of node.outputs) if (!this.#watched.has(output.id)) this.#drop(output.id);
      for (const storage of memory) storage.release();
      scope.close();
    }
  }

  #add(input: Tensor, gradient: Tensor): void {
    if (!this.tracks(input)) return;
    assertGradient(input, gradient);
    if (input.grad) {
      addInto(input.grad, gradient);
      return;
    }
    const existing = this.#gradients.get(input.id);
    if (!existing) this.#put(input, gradient);
    else addInto(this.#ownedGradient(input, existing), gradient);
  }

  #into(input: Tensor, write: (target: Tensor, accumulate: boolean) => void): void {
    if (!this.tracks(input)) return;
    if (input.grad) {
      write(input.grad, true);
      return;
    }
    const existing = this.#gradients.get(input.id);
    if (existing) {
      write(this.#ownedGradient(input, existing), true);
      return;
    }
    const target = this.#gpu.empty(input.shape, "f32", "gradient");
    write(target, false);
    this.#put(input, target);
  }

  /** The gradient so far, copied first when something else holds its memory: another input's gradient, a scope. */
  #ownedGradient(input: Tensor, existing: Tensor): Tensor {
    if (!existing.storage.isShared) return existing;
    const copy = copyTensor(existing);
    this.#put(input, copy);
    existing.storage.release();
    return copy;
  }

  #put(input: Tensor, tensor: Tensor): void {
    tensor.storage.retain();
    this.#gradients.set(input.id, tensor);
  }

  #isWatched({ storage }: Tensor): boolean {
    return [...this.#watched.keys()].some((id) => this.#gradients.get(id)?.storage === storage);
  }

  #drop(id: number): void {
    this.#gradients.get(id)?.storage.release();
    this.#gradients.delete(id);
  }

  /** Hands a watched gradient's reference over to the scope that is open at the call of backward. */
  #takeForCaller(id: number): Tensor | undefined {
    const gradient = this.#gradients.get(id);
    if (!gradient) return undefined;
    if (gradient.storage.isShared) return copyTensor(gradient);
    this.#gpu.adopt(gradient.storage.retain());
    return gradient;
  }
}

function assertGradient(input: Tensor, gradient: Tensor): void {
  const [expected, actual] = [`[${input.shape.join(", ")}] f32, as ${input} needs`, `${gradient}`];
  if (`${gradient.shape}` !== `${input.shape}`) {
    throw new ShapeError({ op: "backward", operand: "gradient", expected, actual });
  }
  if (gradient.dtype !== "f32") throw new DtypeError({ op: "backward", operand: "gradient", expected, actual });
}

/** Records an op on its handle's innermost tape; without an open tape it does nothing. */
export function record(gpu: Gpu, node: TapeNode): void {
  gpu.activeTape?.record(node);
}
