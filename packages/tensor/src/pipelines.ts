import { StateError } from "@ds3/errors";
import { FeatureError } from "./errors.ts";
import type { Kernel } from "./kernel.ts";

/** A compiled kernel with the layout of its bind group. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly id: number;
}

/** GPUShaderStage.COMPUTE; the global enum does not exist in Node. */
const COMPUTE_STAGE = 4;

/** Compiles each kernel once per device. Layouts are shared by kernels with the same pattern of bindings. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #pipelines = new WeakMap<Kernel, Pipeline>();
  readonly #byLabel = new Map<string, { wgsl: string; compiled: Pipeline }>();
  readonly #layouts = new Map<string, { layout: GPUBindGroupLayout; id: number }>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get size(): number {
    return this.#byLabel.size;
  }

  has(kernel: Kernel): boolean {
    return this.#pipelines.has(kernel) || this.#byLabel.has(kernel.label);
  }

  get(kernel: Kernel): Pipeline {
    return this.#pipelines.get(kernel) ?? this.#remember(kernel);
  }

  #remember(kernel: Kernel): Pipeline {
    const known = this.#byLabel.get(kernel.label);
    if (known && known.wgsl !== kernel.wgsl) {
      throw new StateError({
        op: "dispatch",
        operand: `kernel "${kernel.label}"`,
        expected: "one text for one label",
        actual: "another kernel of the same label",
        hint: "Name every compile-time parameter in the label.",
      });
    }
    const compiled = known?.compiled ?? this.#compile(kernel);
    this.#byLabel.set(kernel.label, { wgsl: kernel.wgsl, compiled });
    this.#pipelines.set(kernel, compiled);
    return compiled;
  }

  #compile(kernel: Kernel): Pipeline {
    this.#assertFeatures(kernel);
    const { layout, id } = this.#layoutOf(kernel);
    const module = this.#device.createShaderModule({ label: kernel.label, code: kernel.wgsl });
    const pipeline = this.#device.createComputePipeline({
      label: kernel.label,
      layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: "main" },
    });
    return { pipeline, layout, id };
  }

  #assertFeatures({ label, features }: Kernel): void {
    const missing = features.filter((feature) => !this.#device.features.has(feature));
    if (missing.length === 0) return;
    throw new FeatureError({
      op: "dispatch",
      operand: `kernel "${label}"`,
      expected: `a device with ${missing.join(", ")}`,
      actual: `${[...this.#device.features].sort().join(", ") || "no features"}`,
      hint: "Leave the choice of kernels to the op, or open the gpu with a kernel table of this adapter.",
    });
  }

  #layoutOf(kernel: Kernel): { layout: GPUBindGroupLayout; id: number } {
    const pattern = kernel.bindings.map(({ access }) => (access === "read" ? "r" : "w")).join("");
    const known = this.#layouts.get(pattern);
    if (known) return known;
    const storage = kernel.bindings.map(
      ({ access }, i): GPUBindGroupLayoutEntry => ({
        binding: i + 1,
        visibility: COMPUTE_STAGE,
        buffer: { type: access === "read" ? "read-only-storage" : "storage" },
      }),
    );
    const uniforms: GPUBindGroupLayoutEntry = {
      binding: 0,
      visibility: COMPUTE_STAGE,
      buffer: { type: "uniform", hasDynamicOffset: true },
    };
    const layout = this.#device.createBindGroupLayout({ label: pattern, entries: [uniforms, ...storage] });
    const entry = { layout, id: this.#layouts.size };
    this.#layouts.set(pattern, entry);
    return entry;
  }
}
