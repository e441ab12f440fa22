/* GELU in its tanh form (Hendrycks and Gimpel 2016): an op outside @ds3/tensor, for the peers' GPT. */
import {
  cachedTemplate,
  defineKernel,
  FLAT_INDEX,
  flatGrid,
  type Gpu,
  type Kernel,
  record,
  type Tensor,
  teamOf,
} from "@ds3/tensor";

/** Compile-time choices: buffers of vec4f where the size allows, the size then counts vectors. */
interface GeluParams {
  readonly kind: "forward" | "backward" | "accumulate";
  readonly lanes: number;
  readonly vectors: boolean;
}

/** Elements of a workgroup: starting one costs a software adapter as much as some 30 elements. */
const SOFTWARE_SPAN = 1024;
const SPAN = 512;

/** 2 sqrt(2 / pi), and times the cubic term's 0.044715. */
const LINEAR = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = LINEAR * 0.044715;

/*
 * (1 + tanh(p)) / 2 = sigmoid(2 p) = s, so y = v s, and with e = exp(-2 p): s = 1 / (1 + e), 1 - s = e s,
 * dy/dv = s (1 + v e s (2 p)'). Beyond +-10, s is 0 or 1 in f32; within, e stays below 2^126.
 */
const geluWgsl: (params: GeluParams) => Kernel = cachedTemplate(({ kind, lanes, vectors }) => {
  const type = vectors ? "vec4f" : "f32";
  return defineKernel({
    label: `gelu ${kind} ${type} lanes=${lanes}`,
    uniforms: { size: "u32", span: "u32" },
    reads: kind === "forward" ? { x: type } : { x: type, dy: type },
    writes: { out: type },
    body: `
${FLAT_INDEX}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = min(flatGroup(group, groups) * u.span, u.size);
  let end = min(first + u.span, u.size);
  for (var i = first + lane; i < end; i += ${lanes}u) {
    let v = clamp(x[i], ${type}(-10.0), ${type}(10.0));
    let square = v * v;
    let e = exp2(v * (${-LINEAR * Math.LOG2E} + ${-CUBIC * Math.LOG2E} * square));
    ${
      kind === "forward"
        ? "out[i] = x[i] / (1.0 + e);"
        : `let s = 1.0 / (1.0 + e);
    out[i] ${kind === "accumulate" ? "+=" : "="} dy[i] * s * (1.0 + v * (e * s) * (${LINEAR} + ${3 * CUBIC} * square));`
    }
  }
}`,
  });
});

/** x of any shape, element by element; f32. */
export function gelu(x: Tensor): Tensor {
  const { gpu } = x;
  const out = gpu.empty(x.shape, "f32", "gelu");
  map(gpu, "forward", { x, out });
  record(gpu, {
    label: "gelu",
    inputs: [x],
    outputs: [out],
    saved: [x],
    backward: ([dy], sink) =>
      sink.into(x, (dx, accumulate) => map(gpu, accumulate ? "accumulate" : "backward", { x, dy: dy!, out: dx })),
  });
  return out;
}

function map(gpu: Gpu, kind: GeluParams["kind"], operands: Readonly<Record<string, Tensor>> & { x: Tensor }): void {
  const { software } = gpu.target;
  const vectors = operands.x.size % 4 === 0;
  const kernel = geluWgsl({ kind, lanes: software ? teamOf(gpu.target).size : 64, vectors });
  const [size, span] = [operands.x.size / (vectors ? 4 : 1), software ? SOFTWARE_SPAN : SPAN];
  gpu.dispatch(kernel, operands, { size, span }, flatGrid(size, span));
}
