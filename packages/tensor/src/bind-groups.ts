import type { BufferRange } from "./command-stream.ts";
import type { Pipeline } from "./pipelines.ts";

/** Groups kept: several times those of a training step. Without a bound, ever new shapes would pile them up. */
const MAX_GROUPS = 8192;

/** A place in the tree: what the numbers so far lead to. */
interface Node {
  readonly next: Map<number, Node>;
  group?: GPUBindGroup;
}

/**
 * Bind groups by layout and buffer ranges. They are looked up at every dispatch: a tree of numbers costs a quarter of what
 * a key of text does.
 */
export class BindGroups {
  readonly #device: GPUDevice;
  readonly #uniforms: GPUBindGroupEntry;
  #root: Node = { next: new Map() };
  #size = 0;

  /** `uniforms` is binding 0 of every group. */
  constructor(device: GPUDevice, uniforms: GPUBufferBinding) {
    this.#device = device;
    this.#uniforms = { binding: 0, resource: uniforms };
  }

  get size(): number {
    return this.#size;
  }

  get({ layout, id }: Pipeline, ranges: readonly BufferRange[]): GPUBindGroup {
    if (this.#size >= MAX_GROUPS) this.clear();
    let node = child(this.#root, id);
    for (const { pooled, offset, bytes } of ranges) node = child(child(child(node, pooled.id), offset), bytes);
    node.group ??= this.#create(layout, ranges);
    return node.group;
  }

  clear(): void {
    this.#root = { next: new Map() };
    this.#size = 0;
  }

  #create(layout: GPUBindGroupLayout, ranges: readonly BufferRange[]): GPUBindGroup {
    this.#size += 1;
    const storage = ranges.map(
      ({ pooled, offset, bytes }, i): GPUBindGroupEntry => ({
        binding: i + 1,
        resource: { buffer: pooled.buffer, offset, size: bytes },
      }),
    );
    return this.#device.createBindGroup({ layout, entries: [this.#uniforms, ...storage] });
  }
}

function child({ next }: Node, key: number): Node {
  let node = next.get(key);
  if (!node) {
    node = { next: new Map() };
    next.set(key, node);
  }
  return node;
}
