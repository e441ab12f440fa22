import { BindingLimitError } from "./errors.ts";

/**
 * A kernel is data: a label, WGSL text, and the layout of its one bind group.
 *
 * Binding 0 is the uniform block (shapes and scalars: one pipeline serves all shapes), bindings 1.. are storage buffers.
 * Templates `*.wgsl.ts` call `defineKernel`, which writes the declarations, so names in TypeScript and WGSL are the same.
 */
export type UniformType = "u32" | "i32" | "f32";

/** WGSL element type of a storage buffer's runtime-sized array, e.g. `f32`, `u32`, `vec4f`. */
export type ElementType = "f32" | "i32" | "u32" | "vec2f" | "vec4f" | "vec2u" | "vec4u";

/** One storage buffer of a kernel. A buffer must not be bound `read` and `read_write` in one dispatch. */
export interface KernelBinding {
  readonly name: string;
  readonly element: ElementType;
  readonly access: "read" | "read_write";
}

/** Compiled form of a template: everything `dispatch` needs to build the pipeline and check its operands. */
export interface Kernel {
  readonly label: string;
  readonly wgsl: string;
  readonly uniforms: readonly (readonly [name: string, type: UniformType])[];
  readonly bindings: readonly KernelBinding[];
  /** Features that the device must have. */
  readonly features: readonly string[];
}

/** WGSL extensions that kernels use, with the device feature of each. */
const FEATURES = {
  f16: "shader-f16",
  subgroups: "subgroups",
  chromium_experimental_subgroup_matrix: "chromium-experimental-subgroup-matrix",
} as const;

/** What a template gives to `defineKernel`. */
export interface KernelSource {
  /** Names the op and its compile-time parameters; it is the pipeline's cache key and the profiler's row. */
  readonly label: string;
  readonly uniforms: Readonly<Record<string, UniformType>>;
  readonly reads?: Readonly<Record<string, ElementType>>;
  readonly writes: Readonly<Record<string, ElementType>>;
  readonly enable?: readonly (keyof typeof FEATURES)[];
  /** WGSL with one entry point `main`; uniforms are `u.name`, buffers are bound under their names. */
  readonly body: string;
}

/** At most 8 storage buffers a stage: WebGPU's default limit. */
const MAX_STORAGE_BUFFERS = 8;

/** Builds a kernel from its source. Throws BindingLimitError above 8 storage buffers. */
export function defineKernel({ label, uniforms, reads = {}, writes, enable = [], body }: KernelSource): Kernel {
  const bindings: KernelBinding[] = [
    ...Object.entries(reads).map(([name, element]) => ({ name, element, access: "read" as const })),
    ...Object.entries(writes).map(([name, element]) => ({ name, element, access: "read_write" as const })),
  ];
  if (bindings.length > MAX_STORAGE_BUFFERS) {
    throw new BindingLimitError({
      op: "defineKernel",
      operand: label,
      expected: `at most ${MAX_STORAGE_BUFFERS} storage buffers, which work everywhere`,
      actual: `${bindings.length}`,
      hint: "Put several inputs into one buffer, or split the kernel.",
    });
  }
  const fields = Object.entries(uniforms);
  const wgsl = [
    ...enable.map((feature) => `enable ${feature};`),
    `struct Uniforms { ${fields.map(([name, type]) => `${name}: ${type}`).join(", ")} }`,
    "@group(0) @binding(0) var<uniform> u: Uniforms;",
    ...bindings.map(
      ({ name, element, access }, i) =>
        `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}: array<${element}>;`,
    ),
    body,
  ].join("\n");
  return { label, wgsl, uniforms: fields, bindings, features: enable.map((extension) => FEATURES[extension]) };
}

/**
 * Makes a template build each of its kernels once: templates run at every dispatch, their text is long.
 * Parameters are plain data; the same parameters give the same kernel object.
 */
export function cachedTemplate<P extends readonly unknown[]>(
  template: (...params: P) => Kernel,
): (...params: P) => Kernel {
  const built = new Map<string, Kernel>();
  return (...params) => {
    const key = JSON.stringify(params);
    let kernel = built.get(key);
    if (!kernel) {
      kernel = template(...params);
      built.set(key, kernel);
    }
    return kernel;
  };
}
