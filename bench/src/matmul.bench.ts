import { matmul } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { forward, kernelCase } from "./kernel-case.ts";
import { seededValues } from "./seeded-values.ts";

const SIZES = [512, 1024];
const LAYOUTS = ["nn", "nt", "tn"] as const;

/** Square f32 products by layout and size. */
export const matmulCases: readonly BenchCase[] = SIZES.flatMap((size) =>
  LAYOUTS.map((layout) =>
    kernelCase({
      name: `matmul.${layout}.${size}`,
      unit: "GFLOP/s",
      flops: 2 * size ** 3,
      bytes: 3 * 4 * size ** 2,
      setUp: (gpu) => {
        const values = seededValues(size * size);
        const [a, b] = [gpu.tensor(values, [size, size]), gpu.tensor(values, [size, size])];
        return forward(() => matmul(a, b, { layout }));
      },
    }),
  ),
);
