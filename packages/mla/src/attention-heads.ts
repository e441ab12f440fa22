import { DtypeError, ShapeError } from "@ds3/errors";
import { dims, flatGrid, type RotaryAngles, record, type Tensor, teamOf } from "@ds3/tensor";
import { attentionHeadsBackwardWgsl, attentionHeadsWgsl } from "./attention-heads.wgsl.ts";

/** Projections of T tokens, N heads. All f32. */
export interface HeadProjections {
  /** [T, N, nope + R], not turned yet. */
  readonly q: Tensor;
  /** [T, N, nope + v]: kv_b_proj of the latent. */
  readonly kv: Tensor;
  /** [T, R]: the key that all heads share, not turned yet. */
  readonly key: Tensor;
}

/** What attention reads, and what a cache keeps of the keys. */
export interface AttentionHeads {
  /** [T, N, nope + R], the last R columns turned. */
  readonly q: Tensor;
  /** [T, N, nope + R] */
  readonly k: Tensor;
  /** [T, N, v] */
  readonly v: Tensor;
  /** [T, R]: the shared key, turned. */
  readonly ropeKey: Tensor;
}

/**
 * Turns queries and the shared key by their tokens' angles, and puts together the keys and values of every head: a head's
 * own key part with the shared one. DeepSeek-V3 report, Eq. 4, 5, 7 and 9.
 *
 * Overwrites the memory of `q` and `key`, which become the results: no other op may need their values. Only parameters
 * and views are copied first. One dispatch each way.
 * @throws ShapeError when sizes disagree; DtypeError for positions that are not i32.
 */
export function attentionHeads(
  { q, kv, key }: HeadProjections,
  { cos, sin, positions }: RotaryAngles,
  qkNopeHeadDim: number,
): AttentionHeads {
  const shapes = { q: "T N H", kv: "T N W", key: "T R", cos: "P A", sin: "P A", positions: "L" };
  const { T, N, H, W, R, A, L } = dims("attentionHeads", shapes, { q, kv, key, cos, sin, positions });
  assertWidths(qkNopeHeadDim, { H, R, A, W, T, L });
  if (positions.dtype !== "i32") {
    throw new DtypeError({ op: "attentionHeads", operand: "positions", expected: "i32", actual: positions.dtype });
  }
  const { gpu } = kv;
  const sizes = { T, N, nope: qkNopeHeadDim, rope: R, value: W - qkNopeHeadDim };
  const turned = { q: ownMemory(q), key: ownMemory(key) };
  const k = gpu.empty(q.shape, "f32", "keys");
  const v = gpu.empty([T, N, sizes.value], "f32", "values");
  const lanes = teamOf(gpu.target).size;
  gpu.dispatch(attentionHeadsWgsl(lanes), { kv, cos, sin, positions, ...turned, k, v }, sizes, flatGrid(T, 1));
  record(gpu, {
    label: "attentionHeads",
    inputs: [q, kv, key],
    outputs: [turned.q, k, v, turned.key],
    saved: [cos, sin, positions],
    backward: ([dTurned, dk, dv, dRopeKey], sink) => {
      const dq = dTurned && sink.owns(dTurned) ? dTurned : copyOf(dTurned ?? gpu.zeros(q.shape));
      const dkv = gpu.empty(kv.shape, "f32", "kv gradient");
      // The kernel adds to the shared key's own gradient, which comes when more than attention reads it.
      const dkey = dRopeKey ? copyOf(dRopeKey) : gpu.empty(key.shape, "f32", "key gradient");
      const reads = { dk: dk ?? gpu.zeros(k.shape), dv: dv ?? gpu.zeros(v.shape), cos, sin, positions };
      const uniforms = { ...sizes, given: dRopeKey ? 1 : 0 };
      gpu.dispatch(attentionHeadsBackwardWgsl(lanes), { ...reads, dq, dkv, dkey }, uniforms, flatGrid(T, 1));
      if (dTurned) sink.add(q, dq);
      sink.add(kv, dkv);
      sink.add(key, dkey);
    },
  });
  return { q: turned.q, k, v, ropeKey: turned.key };
}

/** A tensor of the same memory that has its own gradient; parameters and views that do not start it are copied. */
function ownMemory(tensor: Tensor): Tensor {
  const { gpu, shape, grad, byteOffset } = tensor;
  return grad || byteOffset !== 0 ? copyOf(tensor) : gpu.noGrad(() => tensor.reshape(shape));
}

function copyOf(tensor: Tensor): Tensor {
  const copy = tensor.gpu.empty(tensor.shape, "f32", "turned");
  tensor.gpu.copy(tensor, copy, 0);
  return copy;
}

function assertWidths(nope: number, sizes: Readonly<Record<"H" | "R" | "A" | "W" | "T" | "L", number>>): void {
  const { H, R, A, W, T, L } = sizes;
  const fail = (operand: string, expected: string, actual: number): never => {
    throw new ShapeError({ op: "attentionHeads", operand, expected, actual: `${actual}` });
  };
  if (H !== nope + R) fail("q", `a last axis of ${nope + R}, nope + R`, H);
  if (R !== 2 * A) fail("cos", `${R / 2} pairs, half of R`, A);
  if (!(W >= nope)) fail("kv", `a last axis of at least ${nope}, nope`, W);
  if (L !== T) fail("positions", `${T}, one for each token`, L);
}
