import { ShapeError } from "@ds3/errors";
import { expectNear, normals, testOp, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { type AttentionShape, flashAttentionBackwardRef, flashAttentionRef } from "./flash-attention.ref.ts";
import { flashAttention } from "./flash-attention.ts";
import type { Tensor } from "./tensor.ts";

type Params = Omit<AttentionShape, "documentStart"> & { readonly documentStart?: readonly number[] };

const scaled = (s: Omit<Params, "scale">): Params => ({ ...s, scale: s.headDimQk ** -0.5 });

/** Odd lengths and head sizes, more keys than queries, heads wider than a tile, packed documents. */
const shapes: Params[] = [
  { B: 1, T: 1, S: 1, N: 1, headDimQk: 1, headDimV: 1, keyOffset: 0 },
  { B: 2, T: 7, S: 7, N: 3, headDimQk: 12, headDimV: 20, keyOffset: 0 },
  { B: 1, T: 127, S: 127, N: 2, headDimQk: 48, headDimV: 32, keyOffset: 0 },
  { B: 2, T: 129, S: 129, N: 1, headDimQk: 33, headDimV: 7, keyOffset: 0 },
  { B: 1, T: 5, S: 70, N: 2, headDimQk: 16, headDimV: 16, keyOffset: 65 },
  { B: 1, T: 40, S: 40, N: 1, headDimQk: 192, headDimV: 128, keyOffset: 0 },
  {
    B: 1,
    T: 130,
    S: 130,
    N: 2,
    headDimQk: 16,
    headDimV: 8,
    keyOffset: 0,
    documentStart: starts(130, [0, 70, 71, 100]),
  },
  { B: 1, T: 9, S: 9, N: 1, headDimQk: 8, headDimV: 8, keyOffset: 0, documentStart: starts(9, [0, 3]) },
].map(scaled);

function starts(length: number, documents: readonly number[]): number[] {
  return Array.from({ length }, (_, t) => documents.filter((start) => start <= t).at(-1)!);
}

testOp<Params>("flashAttention", {
  cases: shapes.map((params) => {
    const { B, T, S, N, headDimQk, headDimV, documentStart } = params;
    const label = `B${B} T${T} S${S} N${N} ${headDimQk}/${headDimV}${documentStart ? " documents" : ""}`;
    const inputs = {
      q: { shape: [B, T, N, headDimQk] },
      k: { shape: [B, S, N, headDimQk] },
      v: { shape: [B, S, N, headDimV] },
    };
    return { label, params, inputs };
  }),
  op: ({ q, k, v }, { scale, keyOffset, documentStart, B, T }, gpu) => {
    const repeated = documentStart && Array.from({ length: B }, () => documentStart).flat();
    const mask = repeated ? { documentStart: gpu.tensor(repeated, [B, T], "u32") } : {};
    return flashAttention(q!, k!, v!, { scale, keyOffset, ...mask });
  },
  reference: (inputs, params) => {
    const { q, k, v } = inputs as Record<"q" | "k" | "v", Float64Array>;
    const { documentStart, ...sizes } = params;
    const shape = {
      ...sizes,
      ...(documentStart ? { documentStart: Array.from({ length: params.B }, () => documentStart).flat() } : {}),
    };
    return {
      outputs: [flashAttentionRef(shape, { q, k, v }).out],
      backward: ([dOut]) => {
        const { dq, dk, dv } = flashAttentionBackwardRef(shape, { q, k, v }, dOut!);
        return { q: dq, k: dk, v: dv };
      },
    };
  },
});

describe("flashAttention", () => {
  const device = useTestGpu();

  test.each([
    { label: "a row of one token", T: 1, documents: undefined },
    { label: "the first token and documents of one token", T: 5, documents: [0, 0, 2, 3, 3] },
  ])("$label: no gradient for a query that sees one key", async ({ T, documents }) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [N, Dqk, Dv] = [2, 12, 20];
    const random = (width: number, seed: number): Tensor =>
      gpu.tensor(normals(T * N * width, seed), [1, T, N, width], "f32");
    const [q, k, v] = [random(Dqk, 1), random(Dqk, 2), random(Dv, 3)] as const;
    const mask = documents ? { documentStart: gpu.tensor(documents, [1, T], "u32") } : {};
    using tape = gpu.tape();
    tape.watch(q);
    tape.backward(flashAttention(q, k, v, { scale: 0.3, ...mask }), random(Dv, 4));
    const dq = await tape.gradient(q)!.data();
    const nonZeroRows = Array.from({ length: T }, (_, t) => t).filter((t) =>
      dq.subarray(t * N * Dqk, (t + 1) * N * Dqk).some((value) => value !== 0),
    );
    // Only the queries that see two keys.
    expect(nonZeroRows).toEqual(documents ? [1, 4] : []);
  });

  test("tiles of another document are skipped, not computed and masked: what they hold does not matter", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [T, start, D] = [200, 128, 8];
    // Zero weights would not hide NaN. Tiles are at most 64 keys long, so none with a key from `start` on reaches these.
    const poisoned = (seed: number): Float32Array =>
      Float32Array.from(normals(T * D, seed)).fill(Number.NaN, 0, 64 * D);
    const q = Float32Array.from(normals(T * D, 1));
    const [k, v, dOut] = [poisoned(2), poisoned(3), Float32Array.from(normals(T * D, 4))];
    const run = async (from: number, documents: readonly number[]): Promise<Float32Array[]> => {
      const part = (data: Float32Array): Tensor => gpu.tensor(data.subarray(from * D), [1, T - from, 1, D]);
      using tape = gpu.tape();
      const inputs = [part(q), part(k), part(v)] as const;
      for (const input of inputs) tape.watch(input);
      const documentStart = gpu.tensor(starts(T - from, documents), [1, T - from], "u32");
      const out = flashAttention(...inputs, { scale: 0.3, documentStart });
      tape.backward(out, part(dOut));
      const results = [out, ...inputs.map((input) => tape.gradient(input)!)];
      return Promise.all(results.map(async (tensor) => (await tensor.data()).subarray((start - from) * D)));
    };
    const [packed, alone] = [await run(0, [0, start]), await run(start, [0])];
    for (const [i, name] of ["out", "dq", "dk", "dv"].entries()) {
      expectNear(name, packed[i]!, alone[i]!, [T - start, D], 1e-5);
    }
  });

  test("refuses heads that differ and fewer keys than queries by name", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const q = gpu.zeros([1, 4, 2, 8]);
    expect(() => flashAttention(q, gpu.zeros([1, 4, 3, 8]), gpu.zeros([1, 4, 3, 8]), { scale: 1 })).toThrow(ShapeError);
    expect(() => flashAttention(q, gpu.zeros([1, 3, 2, 8]), gpu.zeros([1, 3, 2, 8]), { scale: 1 })).toThrow(
      /at least T=4 keys/,
    );
    const k = gpu.zeros([1, 4, 2, 8]);
    expect(() => flashAttention(q, k, k, { scale: 1, documentStart: gpu.zeros([1, 3], "u32") })).toThrow(
      /T was fixed to 4/,
    );
  });
});
