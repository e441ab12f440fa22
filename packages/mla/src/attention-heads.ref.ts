import { rotateRef } from "./rope.ref.ts";
import type { RopeTable } from "./rope-table.ts";

/** Sizes of {@link attentionHeadsRef}. */
export interface AttentionHeadsRefShape {
  /** Tokens, heads. */
  readonly T: number;
  readonly N: number;
  /** Widths of a head's own key part, of the shared rotated key, and of a value. */
  readonly nope: number;
  readonly rope: number;
  readonly value: number;
}

type Tensors<K extends string> = Record<K, Float64Array>;

/**
 * Rotated queries, keys [k_C; k_R] and values of every head (DeepSeek-V3 report, Eq. 4, 5, 7 and 9), in f64, with their
 * backward pass. q [T, N, nope + rope], kv [T, N, nope + value], key [T, rope], tables [T, rope / 2].
 */
export function attentionHeadsRef(
  { T, N, nope, rope, value }: AttentionHeadsRefShape,
  { q, kv, key }: Readonly<Tensors<"q" | "kv" | "key">>,
  table: RopeTable,
): Tensors<"q" | "k" | "v" | "ropeKey"> & {
  readonly backward: (gradients: Readonly<Tensors<"q" | "k" | "v" | "ropeKey">>) => Tensors<"q" | "kv" | "key">;
} {
  const rows = Array.from({ length: T * N }, (_, row) => ({ row, t: Math.floor(row / N) }));
  const turnQueries = (x: Float64Array, inverse: boolean): Float64Array => {
    const out = x.slice();
    const at = (row: number): number => row * (nope + rope) + nope;
    const turning = Float64Array.from({ length: T * N * rope }, (_, i) => x[at(Math.floor(i / rope)) + (i % rope)]!);
    const turned = rotateRef(turning, table, { heads: N, dim: rope, inverse });
    for (const { row } of rows) out.set(turned.subarray(row * rope, (row + 1) * rope), at(row));
    return out;
  };
  const ropeKey = rotateRef(key, table, { heads: 1, dim: rope });
  const k = new Float64Array(T * N * (nope + rope));
  const v = new Float64Array(T * N * value);
  for (const { row, t } of rows) {
    for (let i = 0; i < nope; i++) k[row * (nope + rope) + i] = kv[row * (nope + value) + i]!;
    for (let i = 0; i < rope; i++) k[row * (nope + rope) + nope + i] = ropeKey[t * rope + i]!;
    for (let i = 0; i < value; i++) v[row * value + i] = kv[row * (nope + value) + nope + i]!;
  }
  const backward = (d: Readonly<Tensors<"q" | "k" | "v" | "ropeKey">>): Tensors<"q" | "kv" | "key"> => {
    const dkv = new Float64Array(kv.length);
    const dRopeKey = d.ropeKey.slice();
    for (const { row, t } of rows) {
      for (let i = 0; i < nope; i++) dkv[row * (nope + value) + i] = d.k[row * (nope + rope) + i]!;
      for (let i = 0; i < rope; i++) dRopeKey[t * rope + i]! += d.k[row * (nope + rope) + nope + i]!;
      for (let i = 0; i < value; i++) dkv[row * (nope + value) + nope + i] = d.v[row * value + i]!;
    }
    const dKey = rotateRef(dRopeKey, table, { heads: 1, dim: rope, inverse: true });
    return { q: turnQueries(d.q, true), kv: dkv, key: dKey };
  };
  return { q: turnQueries(q, false), k, v, ropeKey, backward };
}
