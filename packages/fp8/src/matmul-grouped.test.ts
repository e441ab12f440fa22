import { createRowGroups, type RowGroups, type Tensor } from "@ds3/tensor";
import { normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { expectRowsNear } from "../test/expect-rows-near.ts";
import { type HostMatrix, randomMatrix, reference, upload } from "../test/random-matrix.ts";
import { RUNNABLE_TARGETS } from "../test/targets.ts";
import { fp8GroupedMatmulRef } from "./matmul.ref.ts";
import { fp8GroupedMatmulInto } from "./matmul.ts";
import type { Fp8Layout } from "./matmul-operands.ts";
import { runFp8Product } from "./matmul-run.ts";

const TOLERANCE = 2.5e-6;
const device = useTestGpu();

interface Experts {
  readonly R: number;
  readonly offsets: readonly number[];
  /** Output and input features. */
  readonly O: number;
  readonly I: number;
}

function groupsOf({ R, offsets }: Experts): RowGroups {
  return createRowGroups(device.gpu.tensor([...offsets], [offsets.length], "u32"), R);
}

/** Operands, sizes and shape of the result of a product by experts. */
function problemOf(
  layout: Fp8Layout,
  { R, offsets, O, I }: Experts,
): {
  readonly a: HostMatrix;
  readonly b: HostMatrix;
  readonly M: number;
  readonly N: number;
  readonly shape: number[];
} {
  const E = offsets.length - 1;
  if (layout === "tn") {
    const a = randomMatrix({ tiling: "column", rows: R, columns: O, experts: E, seed: 1 });
    const b = randomMatrix({ tiling: "column", rows: R, columns: I, experts: E, seed: 2 });
    return { a, b, M: O, N: I, shape: [E, O, I] };
  }
  const [K, N] = layout === "nt" ? [I, O] : [O, I];
  const a = randomMatrix({ tiling: "row", rows: R, columns: K, seed: 1 });
  const b = randomMatrix({ tiling: "block", rows: O, columns: I, batch: E, seed: 2 });
  return { a, b, M: R, N, shape: [R, N] };
}

async function read(tensor: Tensor): Promise<Float64Array> {
  return Float64Array.from(await tensor.data());
}

describe.each(RUNNABLE_TARGETS)("products by experts by the kernels for %s", (_, targetOf) => {
  test.each([
    { name: "uneven, one empty", offsets: [0, 130, 130, 137, 300], R: 300 },
    { name: "unused capacity", offsets: [0, 1, 261, 262], R: 290 },
    { name: "many small", offsets: [0, 3, 3, 3, 67, 132, 133, 133, 135], R: 135 },
    { name: "no rows at all", offsets: [0, 0, 0], R: 40 },
    { name: "no capacity", offsets: [0, 0], R: 0 },
  ])("$name", async ({ offsets, R }) => {
    using _scope = device.gpu.scope();
    const experts = { R, offsets, O: 37, I: 132 };
    const groups = groupsOf(experts);
    for (const layout of ["nt", "nn", "tn"] as const) {
      const { a, b, M, N, shape } = problemOf(layout, experts);
      const size = shape.reduce((product, n) => product * n, 1);
      const before = normals(size, 3).map(Math.fround);
      const want = before.slice();
      fp8GroupedMatmulRef(want, reference(a), reference(b), layout, offsets);
      const own = layout === "tn" ? groups : undefined;
      const [A, B] = [upload(device.gpu, a, own), upload(device.gpu, b, own)];
      const K = layout === "tn" ? R : a.columns;
      for (const accumulate of [false, true]) {
        const c = device.gpu.tensor(before, shape);
        runFp8Product(targetOf(device.gpu), { M, N, K }, { a: A, b: B, c, groups }, { layout, accumulate });
        const owned = layout === "tn" ? size : offsets.at(-1)! * N;
        const sum = want.map((value, i) => (accumulate && i < owned ? value + before[i]! : value));
        const got = await read(c);
        expectRowsNear(`${layout} ${accumulate}`, got, sum, N, TOLERANCE);
        expect(got.subarray(owned)).toEqual(before.subarray(owned));
      }
    }
  });
});

test("many experts by the large tiles of hardware", { timeout: 120_000 }, async () => {
  using _scope = device.gpu.scope();
  const offsets = Array.from({ length: 129 }, (_, e) => Math.floor((3 * e) / 2));
  const experts = { R: 200, offsets, O: 37, I: 33 };
  const { a, b, M, N, shape } = problemOf("tn", experts);
  const want = new Float64Array(128 * M * N);
  fp8GroupedMatmulRef(want, reference(a), reference(b), "tn", offsets);
  const groups = groupsOf(experts);
  const c = device.gpu.empty(shape);
  const operands = { a: upload(device.gpu, a, groups), b: upload(device.gpu, b, groups), c, groups };
  const options = { layout: "tn", accumulate: false } as const;
  runFp8Product({ software: false, subgroupSize: 0 }, { M, N, K: 200 }, operands, options);
  expectRowsNear("tn", await read(c), want, N, TOLERANCE);
});

test.each(["nt", "nn", "tn"] as const)(
  "%s: NaN of an expert stays with it, and none is read behind the last row",
  async (layout) => {
    using _scope = device.gpu.scope();
    const experts = { R: 60, offsets: [0, 11, 20, 45], O: 20, I: 24 };
    const { a, b, shape } = problemOf(layout, experts);
    // Codes of the rows behind the last expert's, a tile of expert 1, and the scales that no tile has.
    a.codes.fill(0x7f, 45 * a.columns);
    if (layout === "tn") {
      b.codes.fill(0x7f, 45 * b.columns);
      a.scales.fill(Number.NaN, 1 * a.columns, 2 * a.columns);
    } else {
      b.scales[1] = Number.NaN;
    }
    const want = new Float64Array(shape.reduce((product, n) => product * n, 1)).fill(9);
    fp8GroupedMatmulRef(want, reference(a), reference(b), layout, experts.offsets);
    expect(want.filter(Number.isNaN).length).toBe(layout === "tn" ? 20 * 24 : 9 * shape[1]!);
    const groups = groupsOf(experts);
    const own = layout === "tn" ? groups : undefined;
    const c = device.gpu.full(shape, 9);
    const options = { layout, accumulate: false } as const;
    fp8GroupedMatmulInto(c, upload(device.gpu, a, own), upload(device.gpu, b, own), groups, options);
    expectRowsNear(layout, await read(c), want, shape.at(-1)!, TOLERANCE);
  },
);
