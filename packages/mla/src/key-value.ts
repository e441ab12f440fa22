import { dims, flatGrid, record, type Tensor, teamOf } from "@ds3/tensor";
import { keyValueBackwardWgsl, keyValueWgsl } from "./key-value.wgsl.ts";

/** Keys and values of every head. */
export interface KeyValue {
  /** [T, N, qkNopeHeadDim + qkRopeHeadDim] */
  readonly k: Tensor;
  /** [T, N, vHeadDim] */
  readonly v: Tensor;
}

/**
 * Puts together what attention reads: each head's own key part with the rotated key that all heads share, and the values.
 *
 * kv [T, N, nope + v] (kv_b_proj of the latent), ropeKey [T, R] (already rotated) -> k [T, N, nope + R], v [T, N, v].
 * DeepSeek-V3 report, Eq. 4 and 5. One dispatch each way.
 * @throws ShapeError when T differs.
 */
export function assembleKeyValue(kv: Tensor, ropeKey: Tensor, qkNopeHeadDim: number): KeyValue {
  const { T, N, W, R } = dims("assembleKeyValue", { kv: "T N W", ropeKey: "T R" }, { kv, ropeKey });
  const { gpu } = kv;
  const sizes = { T, N, nope: qkNopeHeadDim, rope: R, value: W - qkNopeHeadDim };
  const k = gpu.empty([T, N, qkNopeHeadDim + R], "f32", "keys");
  const v = gpu.empty([T, N, sizes.value], "f32", "values");
  const lanes = teamOf(gpu.target).size;
  gpu.dispatch(keyValueWgsl(lanes), { kv, ropeKey, k, v }, sizes, flatGrid(T, 1));
  record(gpu, {
    label: "assembleKeyValue",
    inputs: [kv, ropeKey],
    outputs: [k, v],
    saved: [],
    backward: ([dk, dv], sink) => {
      const dkv = gpu.empty(kv.shape, "f32", "kv gradient");
      const dRopeKey = gpu.empty(ropeKey.shape, "f32", "rope key gradient");
      const operands = { dk: dk ?? gpu.zeros(k.shape), dv: dv ?? gpu.zeros(v.shape), dkv, dRopeKey };
      gpu.dispatch(keyValueBackwardWgsl(lanes), operands, sizes, flatGrid(T, 1));
      sink.add(kv, dkv);
      sink.add(ropeKey, dRopeKey);
    },
  });
  return { k, v };
}
