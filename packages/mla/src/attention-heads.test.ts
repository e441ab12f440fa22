import { ShapeError } from "@ds3/errors";
import { add, type RotaryAngles, type Tensor } from "@ds3/tensor";
import { testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { type AttentionHeadsRefShape, attentionHeadsRef } from "./attention-heads.ref.ts";
import { attentionHeads } from "./attention-heads.ts";

const shapes: AttentionHeadsRefShape[] = [
  { T: 1, N: 1, nope: 1, rope: 2, value: 1 },
  { T: 7, N: 3, nope: 12, rope: 4, value: 20 },
  { T: 127, N: 2, nope: 7, rope: 6, value: 9 },
  { T: 129, N: 1, nope: 33, rope: 10, value: 70 },
];

/** Angles of table row p; positions walk through the table backwards. */
const P = 9;
const angle = (p: number, pair: number): number => p * 0.7 ** (pair + 1);
const positionOf = (t: number): number => P - 1 - (t % P);

function anglesOf(like: Tensor, T: number, rope: number): RotaryAngles {
  const { gpu } = like;
  const pairs = rope / 2;
  const table = (of: (x: number) => number): Tensor =>
    gpu.tensor(
      Float64Array.from({ length: P * pairs }, (_, i) => of(angle(Math.floor(i / pairs), i % pairs))),
      [P, pairs],
    );
  const positions = gpu.tensor(
    Int32Array.from({ length: T }, (_, t) => positionOf(t)),
    [T],
    "i32",
  );
  return { cos: table(Math.cos), sin: table(Math.sin), positions };
}

function tableOf({ T, rope }: AttentionHeadsRefShape): { cos: Float64Array; sin: Float64Array } {
  const pairs = rope / 2;
  const of = (f: (x: number) => number): Float64Array =>
    Float64Array.from({ length: T * pairs }, (_, i) =>
      Math.fround(f(angle(positionOf(Math.floor(i / pairs)), i % pairs))),
    );
  return { cos: of(Math.cos), sin: of(Math.sin) };
}

const inputsOf = ({ T, N, nope, rope, value }: AttentionHeadsRefShape) => ({
  q: { shape: [T, N, nope + rope] },
  kv: { shape: [T, N, nope + value] },
  key: { shape: [T, rope] },
});

testOp<AttentionHeadsRefShape>("attentionHeads", {
  cases: shapes.map((params) => {
    const { T, N, nope, rope, value } = params;
    return { label: `T${T} N${N} ${nope}+${rope}/${value}`, params, inputs: inputsOf(params) };
  }),
  op: ({ q, kv, key }, { T, nope, rope }) => {
    const heads = attentionHeads({ q: q!, kv: kv!, key: key! }, anglesOf(q!, T, rope), nope);
    return [heads.q, heads.k, heads.v, heads.ropeKey];
  },
  reference: ({ q, kv, key }, params) => {
    const {
      q: turned,
      k,
      v,
      ropeKey,
      backward,
    } = attentionHeadsRef(params, { q: q!, kv: kv!, key: key! }, tableOf(params));
    return {
      outputs: [turned, k, v, ropeKey],
      backward: ([dq, dk, dv, dRopeKey]) => backward({ q: dq!, k: dk!, v: dv!, ropeKey: dRopeKey! }),
    };
  },
});

const small: AttentionHeadsRefShape = { T: 3, N: 2, nope: 3, rope: 2, value: 5 };

testOp<AttentionHeadsRefShape>("attentionHeads of views, after additions, its keys used alone", {
  cases: [
    {
      label: "rows 1 to 3 of 5",
      params: small,
      inputs: { q: { shape: [5, 2, 5] }, kv: { shape: [5, 2, 8] }, key: { shape: [5, 2] } },
    },
  ],
  op: ({ q, kv, key }, { T, nope, rope }) => {
    const rows = (t: Tensor): Tensor => t.slice(1, 4);
    const doubled = add(rows(q!), rows(q!));
    const heads = attentionHeads({ q: doubled, kv: rows(kv!), key: rows(key!) }, anglesOf(q!, T, rope), nope);
    return [add(heads.q, heads.k), heads.v];
  },
  reference: ({ q, kv, key }, params) => {
    const rows = { q: q!.slice(10, 40).map((v) => 2 * v), kv: kv!.slice(16, 64), key: key!.slice(2, 8) };
    const heads = attentionHeadsRef(params, rows, tableOf(params));
    const padded = (gradient: Float64Array, size: number, at: number): Float64Array => {
      const whole = new Float64Array(size);
      whole.set(gradient, at);
      return whole;
    };
    return {
      outputs: [heads.q.map((v, i) => v + heads.k[i]!), heads.v],
      backward: ([sum, dv]) => {
        const d = heads.backward({ q: sum!, k: sum!, v: dv!, ropeKey: new Float64Array(6) });
        const dq = d.q.map((v) => 2 * v);
        return { q: padded(dq, 50, 10), kv: padded(d.kv, 80, 16), key: padded(d.key, 10, 2) };
      },
    };
  },
});

const device = useTestGpu();

test("the results take the memory of q and key; a view's is left alone", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const [q, kv, key] = [gpu.full([4, 1, 3], 1), gpu.zeros([4, 1, 2]), gpu.full([4, 2], 1)];
  const angles = anglesOf(q, 4, 2);
  const whole = attentionHeads({ q, kv, key }, angles, 1);
  expect([whole.q.storage, whole.ropeKey.storage]).toEqual([q.storage, key.storage]);
  const before = [...(await q.data())];
  const angle = { ...angles, positions: angles.positions.slice(0, 1) };
  attentionHeads({ q: q.slice(1, 2), kv: kv.slice(1, 2), key: key.slice(1, 2) }, angle, 1);
  expect([...(await q.data())]).toEqual(before);
});

test("sizes that differ are named", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const operands = { q: gpu.zeros([3, 2, 4]), kv: gpu.zeros([3, 2, 5]), key: gpu.zeros([3, 2]) };
  const angles = anglesOf(operands.q, 3, 2);
  const attempt =
    (changed: Partial<typeof operands>, nope = 2, turns = angles) =>
    () =>
      attentionHeads({ ...operands, ...changed }, turns, nope);
  expect(attempt({ key: gpu.zeros([4, 2]) })).toThrow(ShapeError);
  expect(attempt({ key: gpu.zeros([4, 2]) })).toThrow("attentionHeads: key: expected [T=3, R], got [4, 2]");
  expect(attempt({}, 1)).toThrow("attentionHeads: q: expected a last axis of 3, nope + R, got 4");
  expect(attempt({}, 2, anglesOf(operands.q, 3, 4))).toThrow("attentionHeads: cos: expected 1 pairs, half of R, got 2");
  expect(attempt({}, 2, anglesOf(operands.q, 2, 2))).toThrow(
    "attentionHeads: positions: expected 3, one for each token",
  );
});
