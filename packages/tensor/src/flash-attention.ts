import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { dims } from "./dims.ts";
import { type FlashShape, planFlashBackward, planFlashForward } from "./flash-attention-plan.ts";
import { assertDtype } from "./gpu.ts";
import type { KernelPlan } from "./matmul-plan.ts";
import { record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/** Scale and masks of an attention. */
export interface FlashAttentionOptions {
  /** Factor of the scores, e.g. headDim^-0.5. */
  readonly scale: number;
  /** The query at t sees keys up to t + keyOffset: 0 in training, S - T behind a cache. Default S - T. */
  readonly keyOffset?: number;
  /** u32 [B, T]: index of the first key that a query may see, for packed documents. Tiles it masks are not computed. */
  readonly documentStart?: Tensor;
}

/**
 * Causal softmax attention that never stores the T x S scores (Dao 2023, FlashAttention-2).
 *
 * q [B, T, N, Dqk], k [B, S, N, Dqk], v [B, S, N, Dv] -> [B, T, N, Dv], f32; Dqk and Dv may differ, all sizes >= 1.
 * Memory of the backward: one log-sum-exp a query and head. Gradients are the same bit for bit in every run.
 * @throws ShapeError when sizes disagree or S < T; OutOfRangeError for a negative keyOffset; DtypeError.
 */
export function flashAttention(q: Tensor, k: Tensor, v: Tensor, options: FlashAttentionOptions): Tensor {
  const { shape, operands } = check(q, k, v, options);
  const { gpu } = q;
  const out = gpu.empty([shape.B, shape.T, shape.N, shape.headDimV], "f32", "attention");
  const lse = gpu.empty([shape.B, shape.N, shape.T], "f32", "attention lse");
  run(planFlashForward(gpu.target, shape), { ...operands, out, lse });
  record(gpu, {
    label: "flashAttention",
    inputs: [q, k, v],
    outputs: [out],
    saved: [...Object.values(operands), out, lse],
    backward: ([dOut], sink) => {
      const [dq, dk, dv] = [q, k, v].map(({ shape }) => gpu.empty(shape, "f32", "attention gradient")) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const rowTerms = gpu.empty([shape.B, shape.N, shape.T, 2], "f32", "attention row terms");
      const all = { ...operands, out, lse, dOut: dOut!, rowTerms, dq, dk, dv };
      for (const plan of planFlashBackward(gpu.target, shape)) run(plan, all);
      sink.add(q, dq);
      sink.add(k, dk);
      sink.add(v, dv);
    },
  });
  return out;
}

function run({ kernel, uniforms, groups }: KernelPlan, operands: Readonly<Record<string, Tensor>>): void {
  Object.values(operands)[0]!.gpu.dispatch(kernel, operands, uniforms, groups);
}

function check(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { scale, keyOffset, documentStart }: FlashAttentionOptions,
): { shape: FlashShape; operands: Record<string, Tensor> } {
  for (const [name, tensor] of Object.entries({ q, k, v })) assertDtype("flashAttention", name, tensor, "f32");
  const { B, T, S, N, K, V } = dims("flashAttention", { q: "B T N K", k: "B S N K", v: "B S N V" }, { q, k, v });
  if (documentStart) {
    assertDtype("flashAttention", "documentStart", documentStart, "u32");
    dims("flashAttention", { q: "B T N K", documentStart: "B T" }, { q, documentStart });
  }
  if (S < T) {
    throw new ShapeError({ op: "flashAttention", operand: "k", expected: `at least T=${T} keys`, actual: `S=${S}` });
  }
  const offset = keyOffset ?? S - T;
  if (!Number.isInteger(offset) || offset < 0) {
    throw new OutOfRangeError({
      op: "flashAttention",
      operand: "keyOffset",
      expected: "an integer >= 0",
      actual: `${offset}`,
    });
  }
  const shape = {
    B,
    T,
    S,
    N,
    headDimQk: K,
    headDimV: V,
    scale,
    keyOffset: offset,
    documents: documentStart !== undefined,
  };
  return { shape, operands: { q, k, v, ...(documentStart ? { documentStart } : {}) } };
}
