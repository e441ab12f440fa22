/* GELU in its tanh form (Hendrycks and Gimpel 2016): an op outside @ds3/tensor, for the peers' GPT. */
import { cachedTemplate, defineKernel, FLAT_INDEX, flatGrid, type Kernel, record, type Tensor } from "@ds3/tensor";

/** Elements of one workgroup: 64 invocations, 8 each. */
const SPAN = 512;

const geluWgsl: (kind: "forward" | "backward" | "accumulate") => Kernel = cachedTemplate((kind) =>
  defineKernel({
    label: `gelu ${kind}`,
    uniforms: { size: "u32" },
    reads: kind === "forward" ? { x: "f32" } : { x: "f32", dy: "f32" },
    writes: { out: "f32" },
    body: `
${FLAT_INDEX}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = flatGroup(group, groups) * ${SPAN}u + lane;
  for (var j = 0u; j < 8u; j++) {
    let i = first + j * 64u;
    if (i >= u.size) { return; }
    let v = x[i];
    // tanh(a) = 1 - 2 / (e^2a + 1): one exp; a is kept where e^2a does not overflow.
    let a = clamp(0.7978845608028654 * (v + 0.044715 * v * v * v), -20.0, 20.0);
    let t = 1.0 - 2.0 / (exp(2.0 * a) + 1.0);
    ${
      kind === "forward"
        ? "out[i] = 0.5 * v * (1.0 + t);"
        : `let slope = 0.7978845608028654 * (1.0 + 3.0 * 0.044715 * v * v);
    out[i] ${kind === "accumulate" ? "+=" : "="} dy[i] * (0.5 * (1.0 + t) + 0.5 * v * (1.0 - t * t) * slope);`
    }
  }
}`,
  }),
);

/** x of any shape, element by element. */
export function gelu(x: Tensor): Tensor {
  const { gpu, size } = x;
  const out = gpu.empty(x.shape, "f32", "gelu");
  gpu.dispatch(geluWgsl("forward"), { x, out }, { size }, flatGrid(size, SPAN));
  record(gpu, {
    label: "gelu",
    inputs: [x],
    outputs: [out],
    saved: [x],
    backward: ([dy], sink) =>
      sink.into(x, (dx, accumulate) =>
        gpu.dispatch(
          geluWgsl(accumulate ? "accumulate" : "backward"),
          { x, dy: dy!, out: dx },
          { size },
          flatGrid(size, SPAN),
        ),
      ),
  });
  return out;
}
