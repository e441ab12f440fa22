import { ConfigError, DtypeError, OutOfRangeError, ShapeError } from "@ds3/errors";
import type { Fp8Format, Tiling } from "@ds3/fp8-codec";
import { createRowGroups, type RowGroups, type Tensor } from "@ds3/tensor";
import { roundToBf16Ref } from "@ds3/tensor/reference";
import { normals, testFixtures, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { expectRowsNear } from "../test/expect-rows-near.ts";
import { type HostMatrix, randomMatrix, reference, upload } from "../test/random-matrix.ts";
import { RUNNABLE_TARGETS } from "../test/targets.ts";
import { fp8MatmulRef } from "./matmul.ref.ts";
import { fp8GroupedMatmulInto, fp8Matmul, fp8MatmulInto } from "./matmul.ts";
import type { Fp8Layout } from "./matmul-operands.ts";
import { type Fp8MatmulIntoOptions, runFp8Product } from "./matmul-run.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";

/** Of a row's largest entry, as the fixtures have it. */
const TOLERANCE = 2.5e-6;
const device = useTestGpu();
const layouts: Fp8Layout[] = ["nt", "nn", "tn"];

interface Sizes {
  readonly formatA?: Fp8Format;
  readonly formatB?: Fp8Format;
  readonly layout: Fp8Layout;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Random operands of a product. */
function operandsOf({ layout, M, N, K, formatA = "e4m3fn", formatB = "e4m3fn" }: Sizes): {
  readonly a: HostMatrix;
  readonly b: HostMatrix;
} {
  const [tilingA, tilingB] = layout === "tn" ? (["column", "column"] as const) : (["row", "block"] as const);
  const [rowsA, columnsA] = layout === "tn" ? [K, M] : [M, K];
  const [rowsB, columnsB] = layout === "nt" ? [N, K] : [K, N];
  return {
    a: randomMatrix({ tiling: tilingA, rows: rowsA, columns: columnsA, seed: 1, format: formatA }),
    b: randomMatrix({ tiling: tilingB, rows: rowsB, columns: columnsB, seed: 2, format: formatB }),
  };
}

async function read(tensor: Tensor): Promise<Float64Array> {
  return Float64Array.from(await tensor.data());
}

describe.each(RUNNABLE_TARGETS)("products by the kernels for %s", (_, targetOf) => {
  test.each(layouts)("%s: ragged, overwritten, added to, rounded", async (layout) => {
    for (const [M, N, K] of [
      [1, 129, 127],
      [7, 7, 129],
      [127, 130, 7],
      [70, 40, 300],
      [65, 64, 128],
    ] as const) {
      using _scope = device.gpu.scope();
      const { a, b } = operandsOf({ layout, M, N, K });
      const [A, B] = [upload(device.gpu, a), upload(device.gpu, b)];
      const product = fp8MatmulRef(reference(a), reference(b), layout);
      const before = normals(M * N, 3);
      const run = (options: Omit<Fp8MatmulIntoOptions, "layout">): Promise<Float64Array> => {
        const c = device.gpu.tensor(before, [M, N]);
        runFp8Product(targetOf(device.gpu), { M, N, K }, { a: A, b: B, c }, { layout, ...options });
        return read(c);
      };
      const name = `${layout} ${M}x${N}x${K}`;
      expectRowsNear(name, await run({ accumulate: false }), product, N, TOLERANCE);
      const sum = product.map((value, i) => value + Math.fround(before[i]!));
      const added = await run({ accumulate: true });
      expectRowsNear(`${name} added`, added, sum, N, TOLERANCE);
      const rounded = await run({ accumulate: true, round: "bf16" });
      expect(rounded).toEqual(added.map(roundToBf16Ref));
    }
  });

  test.each(layouts)("%s: a NaN scale or code stays in the rows and columns that use it", async (layout) => {
    using _scope = device.gpu.scope();
    const [M, N, K] = [9, 133, 140];
    const { a, b } = operandsOf({ layout, M, N, K });
    const across = layout === "tn" ? M : 2; // scales of A between tiles of k (tn) or between rows
    // All ones: what rounding to bf16 adds would carry out of such a significand.
    new Uint32Array(a.scales.buffer)[layout === "tn" ? across + 3 : 3 * across + 1] = 0x7fffffff;
    a.codes[layout === "tn" ? 130 * M + 5 : 5 * K + 130] = 0xff;
    // Of a column tile column 131 alone, of a block all columns from 128 on.
    b.scales[{ nt: 2, nn: 1, tn: N + 131 }[layout]] = Number.NaN;
    b.codes[layout === "nt" ? 17 * K + 1 : 1 * N + 17] = 0x7f;
    const want = fp8MatmulRef(reference(a), reference(b), layout);
    const nanColumns = layout === "tn" ? [17, 131] : [17, 128, 129, 130, 131, 132];
    for (let i = 0; i < M * N; i++) {
      const inNan = [3, 5].includes(Math.floor(i / N)) || nanColumns.includes(i % N);
      expect(Number.isNaN(want[i]), `[${Math.floor(i / N)}, ${i % N}]`).toBe(inNan);
    }
    const c = device.gpu.empty([M, N]);
    const operands = { a: upload(device.gpu, a), b: upload(device.gpu, b), c };
    runFp8Product(targetOf(device.gpu), { M, N, K }, operands, { layout, accumulate: false, round: "bf16" });
    expectRowsNear(layout, await read(c), want, N, 2 ** -8);
  });
});

test.each(layouts)("%s: codes of both formats, a leading axis of the result", async (layout) => {
  using _scope = device.gpu.scope();
  const sizes = { layout, M: 6, N: 20, K: 140, formatA: "e5m2", formatB: "e4m3fn" } as const;
  const { a, b } = operandsOf(sizes);
  const c = device.gpu.empty([2, 3, 20]);
  fp8MatmulInto(c, upload(device.gpu, a), upload(device.gpu, b), { layout, accumulate: false });
  expectRowsNear(layout, await read(c), fp8MatmulRef(reference(a), reference(b), layout), sizes.N, TOLERANCE);
});

test.each(layouts)("%s: products of the wide panel", async (layout) => {
  using _scope = device.gpu.scope();
  const [M, N, K] = [520, 144, 257];
  const { a, b } = operandsOf({ layout, M, N, K });
  const c = fp8Matmul(upload(device.gpu, a), upload(device.gpu, b), { layout });
  expectRowsNear(layout, await read(c), fp8MatmulRef(reference(a), reference(b), layout), N, TOLERANCE);
});

const inF16 = "tiles in f16, small and large; skipped where the adapter has no shader-f16";
test.for(layouts)(`%s: ${inF16}`, { timeout: 120_000 }, async (layout, { skip }) => {
  skip(!device.gpu.target.f16, "the adapter has no shader-f16");
  // Large tiles compile for seconds, and their code is the same but for sizes.
  const sizes = [[70, 45, 160] as const, ...(layout === "nt" ? [[1000, 450, 21] as const] : [])];
  for (const [M, N, K] of sizes) {
    using _scope = device.gpu.scope();
    const { a, b } = operandsOf({ layout, M, N, K });
    const c = device.gpu.empty([M, N]);
    const operands = { a: upload(device.gpu, a), b: upload(device.gpu, b), c };
    const options = { layout, accumulate: false } as const;
    runFp8Product({ software: false, subgroupSize: 0, f16: true }, { M, N, K }, operands, options);
    expectRowsNear(`${layout} ${M}`, await read(c), fp8MatmulRef(reference(a), reference(b), layout), N, TOLERANCE);
  }
});

test.each(layouts)("%s: without rows, columns or k", async (layout) => {
  for (const [M, N, K] of [
    [0, 3, 5],
    [3, 0, 5],
    [3, 5, 0],
  ] as const) {
    using _scope = device.gpu.scope();
    const { a, b } = operandsOf({ layout, M, N, K });
    const [A, B] = [upload(device.gpu, a), upload(device.gpu, b)];
    expect(await read(fp8Matmul(A, B, { layout }))).toEqual(new Float64Array(M * N));
    const c = device.gpu.full([M, N], 1.001);
    fp8MatmulInto(c, A, B, { layout, accumulate: true, round: "bf16" });
    expect(await read(c)).toEqual(new Float64Array(M * N).fill(K === 0 ? 1 : 0));
  }
});

describe("errors", () => {
  const nt: Sizes = { layout: "nt", M: 3, N: 4, K: 5 };
  const error = (
    class_: typeof ShapeError,
    message: string,
    run: (a: QuantizedMatrix, b: QuantizedMatrix) => void,
  ): void => {
    using _scope = device.gpu.scope();
    const { a, b } = operandsOf(nt);
    expect(() => run(upload(device.gpu, a), upload(device.gpu, b))).toThrow(
      expect.objectContaining({
        name: class_.name,
        message: expect.stringContaining(message),
        hint: expect.stringMatching(/^\w.+[.?]$/),
      }),
    );
  };

  test("another layout, other tiles, another K", () => {
    error(OutOfRangeError, "layout: expected nt, nn, tn, got tt. Known: nt, nn, tn.", (a, b) =>
      fp8Matmul(a, b, { layout: "tt" as Fp8Layout }),
    );
    error(ShapeError, "fp8Matmul: a: expected column tiles for layout tn, got row tiles", (a, b) =>
      fp8Matmul(a, b, { layout: "tn" }),
    );
    error(ShapeError, "fp8Matmul: b: expected block tiles for layout nt, got row tiles", (a) =>
      fp8Matmul(a, a, { layout: "nt" }),
    );
    error(ShapeError, "fp8Matmul: b: expected 5 columns (K), got 6", (a, b) =>
      fp8Matmul(a, { ...b, columns: 6 }, { layout: "nt" }),
    );
  });

  test("codes of 12 bits, batches, groups, another result, another rounding", () => {
    error(DtypeError, "a: expected codes of e4m3fn or e5m2, got e5m6", (a, b) =>
      fp8Matmul({ ...a, format: "e5m6" }, b, { layout: "nt" }),
    );
    error(ShapeError, "b: expected 1 matrices, got 2", (a, b) => fp8Matmul(a, { ...b, batch: 2 }, { layout: "nt" }));
    error(ShapeError, "fp8MatmulInto: c: expected f32 [3, 4]", (a, b) =>
      fp8MatmulInto(device.gpu.empty([4, 3]), a, b, { layout: "nt", accumulate: false }),
    );
    error(ConfigError, "fp8MatmulInto: round: expected bf16, got bf61", (a, b) =>
      fp8MatmulInto(a.scales, a, b, { layout: "nt", accumulate: false, round: "bf61" as "bf16" }),
    );
    error(ConfigError, "fp8GroupedMatmulInto: round: expected bf16, got f16", (a, b) => {
      const groups = createRowGroups(device.gpu.tensor(new Uint32Array(2), [2], "u32"), 3);
      fp8GroupedMatmulInto(a.scales, a, b, groups, { layout: "nt", accumulate: false, round: "f16" as "bf16" });
    });
  });

  test("experts: rows, matrices, tiles that do not begin with them", () => {
    const groups = (R: number, E: number): RowGroups =>
      createRowGroups(device.gpu.tensor(new Uint32Array(E + 1), [E + 1], "u32"), R);
    const options = { layout: "nt", accumulate: false } as const;
    error(ShapeError, "a: expected 7 rows, got 3", (a, b) =>
      fp8GroupedMatmulInto(a.scales, a, b, groups(7, 1), options),
    );
    error(ShapeError, "b: expected 2 matrices, got 1", (a, b) =>
      fp8GroupedMatmulInto(a.scales, a, b, groups(3, 2), options),
    );
    const column = (matrix: QuantizedMatrix, own?: RowGroups): QuantizedMatrix => ({
      ...{ ...matrix, tiling: "column" as const, rows: 3 },
      ...(own ? { groups: own } : {}),
    });
    const tn = { ...options, layout: "tn" } as const;
    const tiles = "expected column tiles made with the offsets of the product's groups, got tiles";
    error(ShapeError, `a: ${tiles} that span groups`, (a, b) =>
      fp8GroupedMatmulInto(a.scales, column(a), column(b), groups(3, 1), tn),
    );
    // Of as many experts and rows: only their offsets tell them apart.
    error(ShapeError, `b: ${tiles} made with others`, (a, b) => {
      const own = groups(3, 1);
      fp8GroupedMatmulInto(a.scales, column(a, own), column(b, groups(3, 1)), own, tn);
    });
  });
});

testFixtures(
  "fp8",
  "products",
  ({ config, tensors }) => "n" in config && "a_q" in tensors,
  async ({ meta, f64, tensor }) => {
    using _scope = device.gpu.scope();
    const { m, n, k } = meta.config as Record<"m" | "n" | "k", number>;
    for (const suffix of ["", "_ue8m0"]) {
      const matrix = (name: "a" | "b", tiling: Tiling, rows: number): HostMatrix => ({
        ...{ format: "e4m3fn", tiling, rows, columns: k, batch: 1 },
        codes: tensor(`${name}_q${suffix}`).data as Uint8Array,
        scales: Float32Array.from(f64(`${name}_scale${suffix}`)),
      });
      const [a, b] = [matrix("a", "row", m), matrix("b", "block", n)];
      const c = await read(fp8Matmul(upload(device.gpu, a), upload(device.gpu, b), { layout: "nt" }));
      expectRowsNear(`${meta.name}${suffix}`, c, f64(`c${suffix}`), n, TOLERANCE);
    }
  },
);
