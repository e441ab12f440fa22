import { ShapeError } from "@ds3/errors";
import { addInto, copyTensor } from "./accumulate.ts";
import type { Gpu } from "./gpu.ts";
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

/** A gradient on its way. Shared ones (given to two inputs) are copied before a kernel adds to them in place. */
interface Entry {
  readonly tensor: Tensor;
  readonly shared: boolean;
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
  #nodes: TapeNode[] = [];
  #gradients = new Map<number, Entry>();
  #recording = true;

  /** Tapes come from `gpu.tape()`. */
  constructor(gpu: Gpu, close: (tape: Tape) => void) {
    this.#gpu = gpu;
    this.#close = close;
  }

  /** Asks for the gradient of a tensor that is not a parameter. */
  watch<T extends Tensor>(tensor: T): T {
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
    if (!this.#recording) return;
    for (const output of node.outputs) this.#tracked.add(output.id);
    for (const tensor of node.saved) tensor.storage.retain();
    this.#nodes.push(node);
  }

  /**
   * Runs backward from `output` with the gradient `seed` (default: ones, for a loss). Ends the recording; the tape's
   * memory is released node by node.
   */
  backward(output: Tensor, seed?: Tensor): void {
    this.backwardFrom([[output, seed ?? this.#gpu.full(output.shape, 1)]]);
  }

  /** Backward from several outputs at once, each with its own gradient. */
  backwardFrom(seeds: readonly (readonly [output: Tensor, gradient: Tensor])[]): void {
    this.#stopRecording();
    for (const [output, gradient] of seeds) {
      if (output.size !== gradient.size) {
        throw new ShapeError({ op: "backward", operand: "seed", expected: `${output}`, actual: `${gradient}` });
      }
      this.#sink.add(output, gradient);
    }
    while (this.#nodes.length > 0) this.#runNode(this.#nodes.pop()!);
    for (const id of this.#watched.keys()) this.#watched.set(id, this.#takeForCaller(id));
    this.close();
  }

  /** Gradient of a watched tensor after backward, owned by the caller's scope; undefined when none reached it. */
  gradient(tensor: Tensor): Tensor | undefined {
    return this.#watched.get(tensor.id);
  }

  /** Drops what is recorded and releases its memory. */
  close(): void {
    this.#stopRecording();
    for (const node of this.#nodes) for (const tensor of node.saved) tensor.storage.release();
    for (const { tensor } of this.#gradients.values()) tensor.storage.release();
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
  };

  #stopRecording(): void {
    this.#recording = false;
  }

  #runNode(node: TapeNode): void {
    const gradients = node.outputs.map((output) => this.#gradients.get(output.id)?.tensor);
    const scope = this.#gpu.scope(`backward of ${node.label}`);
    try {
      if (gradients.some((gradient) => gradient !== undefined)) node.backward(gradients, this.#sink);
    } finally {
      scope.close();
      for (const output of node.outputs) if (!this.#watched.has(output.id)) this.#drop(output.id);
      for (const tensor of node.saved) tensor.storage.release();
    }
  }

  #add(input: Tensor, gradient: Tensor): void {
    if (!this.tracks(input)) return;
    if (input.grad) {
      addInto(input.grad, gradient);
      return;
    }
    const existing = this.#gradients.get(input.id);
    if (!existing) {
      this.#put(input, gradient.shape === input.shape ? gradient : viewAs(gradient, input), true);
      return;
    }
    addInto(this.#ownedGradient(input, existing), gradient);
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
    this.#put(input, target, false);
  }

  /** The gradient so far, copied first when another tensor shares it. */
  #ownedGradient(input: Tensor, existing: Entry): Tensor {
    if (!existing.shared) return existing.tensor;
    const copy = copyTensor(existing.tensor);
    this.#put(input, copy, false);
    existing.tensor.storage.release();
    return copy;
  }

  #put(input: Tensor, tensor: Tensor, shared: boolean): void {
    tensor.storage.retain();
    this.#gradients.set(input.id, { tensor, shared });
  }

  #drop(id: number): void {
    this.#gradients.get(id)?.tensor.storage.release();
    this.#gradients.delete(id);
  }

  /** Hands a watched gradient's reference over to the scope that is open at the call of backward. */
  #takeForCaller(id: number): Tensor | undefined {
    const entry = this.#gradients.get(id);
    if (!entry) return undefined;
    const copy = entry.shared ? copyTensor(entry.tensor) : entry.tensor;
    if (!entry.shared) this.#gpu.adopt(entry.tensor.storage.retain());
    return copy;
  }
}

function viewAs(gradient: Tensor, input: Tensor): Tensor {
  return gradient.gpu.noGrad(() => gradient.reshape(input.shape));
}

/** Records an op on its handle's innermost tape; without an open tape it does nothing. */
export function record(gpu: Gpu, node: TapeNode): void {
  gpu.activeTape?.record(node);
}
