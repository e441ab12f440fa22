import type { CodeFormat } from "@ds3/fp8-codec";
import { cachedTemplate, defineKernel, FLAT_INDEX, type Kernel } from "@ds3/tensor";
import { CODE_LAYOUTS, codeName, type EncodeOverflow, encodeWgsl } from "./codes.wgsl.ts";
import { loadWgsl, storeUnit } from "./tiles.wgsl.ts";

/** Compile-time choices. */
export interface EncodeTensorParams {
  readonly format: CodeFormat;
  readonly overflow: Exclude<EncodeOverflow, "none">;
  /** x is bound as vec4u: its columns are a multiple of 4. */
  readonly vectors: boolean;
  /** Invocations per workgroup. */
  readonly lanes: number;
}

/** codes [rows, units words a unit] = x [rows, columns] without scales. A workgroup takes `span` units of a row. */
export const encodeTensorWgsl: (params: EncodeTensorParams) => Kernel = cachedTemplate((params: EncodeTensorParams) => {
  const { format, overflow, vectors, lanes } = params;
  const { codes, words } = CODE_LAYOUTS[format];
  const encode = (i: string): string => `encode${codeName(format)}(v.${i})`;
  const fours = Array.from(
    { length: codes / 4 },
    (_, i) => `let c${i} = encode4(four(row, unit * ${codes / 4}u + ${i}u));`,
  );
  return defineKernel({
    label: `fp8 encode ${format} ${overflow} ${vectors ? "vec4u" : "u32"} lanes=${lanes}`,
    uniforms: { rows: "u32", columns: "u32", units: "u32", span: "u32", spans: "u32" },
    reads: { x: vectors ? "vec4u" : "u32" },
    writes: { codes: "u32" },
    body: `${FLAT_INDEX}
${encodeWgsl(format, overflow)}
${loadWgsl(vectors)}
fn encode4(v: vec4u) -> vec4u { return vec4u(${["x", "y", "z", "w"].map(encode).join(", ")}); }
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let g = flatGroup(group, groups);
  if (g >= u.rows * u.spans) { return; }
  let row = g / u.spans;
  let first = g % u.spans * u.span;
  let end = min(first + u.span, u.units);
  for (var unit = first + lane; unit < end; unit += ${lanes}u) {
    ${fours.join("\n    ")}
    let at = (row * u.units + unit) * ${words}u;
    ${storeUnit(format, "at")}
  }
}`,
  });
});
