import { type Gpu, matmul } from "@ds3/tensor";
import { type Figure, median } from "./figure.ts";

/** Products in one measured window: the read-back's latency vanishes. */
const REPEATS = 8;
const WINDOWS = 7;

/** Square products by size and layout. */
export const MATMUL_CASES = [
  { name: "matmul.nn.512", size: 512, layout: "nn" },
  { name: "matmul.nt.512", size: 512, layout: "nt" },
  { name: "matmul.tn.512", size: 512, layout: "tn" },
  { name: "matmul.nn.1024", size: 1024, layout: "nn" },
  { name: "matmul.nt.1024", size: 1024, layout: "nt" },
  { name: "matmul.tn.1024", size: 1024, layout: "tn" },
] as const;

/** GFLOP/s of f32 products, the median over windows that end with the device idle. */
export async function benchMatmul(gpu: Gpu): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { name, size, layout } of MATMUL_CASES) {
    using _scope = gpu.scope(name);
    const values = Float32Array.from({ length: size * size }, (_, i) => ((i * 2_654_435_761) % 1000) / 1000 - 0.5);
    const [a, b] = [gpu.tensor(values, [size, size]), gpu.tensor(values, [size, size])];
    const seconds: number[] = [];
    for (let window = -1; window < WINDOWS; window++) {
      using _window = gpu.scope("window");
      const start = performance.now();
      for (let i = 0; i < REPEATS; i++) matmul(a, b, { layout });
      await gpu.idle();
      if (window >= 0) seconds.push((performance.now() - start) / 1000);
    }
    const value = (2 * size ** 3 * REPEATS) / median(seconds) / 1e9;
    figures.push({ name, value, unit: "GFLOP/s", adapter: gpu.adapter.name });
  }
  return figures;
}
