import type { KernelTarget, Tensor } from "@ds3/tensor";
import { roundToBf16Ref } from "@ds3/tensor/reference";
import { normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { expectRowsNear } from "../test/expect-rows-near.ts";
import { type HostMatrix, randomMatrix, reference, upload } from "../test/random-matrix.ts";
import { fp8MatmulRef } from "./matmul.ref.ts";
import type { Fp8Layout } from "./matmul-operands.ts";
import { type Fp8MatmulIntoOptions, runFp8Product } from "./matmul-run.ts";

/** Of a row's largest entry, as the fixtures have it. */
const TOLERANCE = 2.5e-6;
const device = useTestGpu();
const layouts: Fp8Layout[] = ["nt", "nn", "tn"];
const targets: [string, () => KernelTarget][] = [
  ["this device", () => device.gpu.target],
  ["software without subgroups", () => ({ software: true, subgroupSize: 0 })],
  ["hardware without f16", () => ({ software: false, subgroupSize: 0 })],
];

interface Sizes {
  readonly layout: Fp8Layout;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Random operands of a product. */
function operandsOf({ layout, M, N, K }: Sizes): { readonly a: HostMatrix; readonly b: HostMatrix } {
  const [tilingA, tilingB] = layout === "tn" ? (["column", "column"] as const) : (["row", "block"] as const);
  const [rowsA, columnsA] = layout === "tn" ? [K, M] : [M, K];
  const [rowsB, columnsB] = layout === "nt" ? [N, K] : [K, N];
  return {
    a: randomMatrix({ tiling: tilingA, rows: rowsA, columns: columnsA, seed: 1 }),
    b: randomMatrix({ tiling: tilingB, rows: rowsB, columns: columnsB, seed: 2 }),
  };
}

async function read(tensor: Tensor): Promise<Float64Array> {
  return Float64Array.from(await tensor.data());
}

describe.each(targets)("products by the kernels for %s", (_, target) => {
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
        runFp8Product(target(), { M, N, K }, { a: A, b: B, c }, { layout, ...options });
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
});
