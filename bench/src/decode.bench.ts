import { countParameters, type DeepseekModel, generate } from "@ds3/deepseek";
import type { GpuStats } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { type Figure, median } from "./figure.ts";
import { createMini } from "./mini.ts";
import { ratesOf } from "./peak-share.ts";
import { seededIds } from "./seeded-values.ts";

const PROMPT = 16;
const NEW_TOKENS = 128;
const WINDOWS = 5;

/** Greedy decoding of the `mini` preset at batch 1, 128 tokens behind a prompt of 16. */
export const decodeCases: readonly BenchCase[] = [
  {
    name: "deepseek.mini.decode",
    run: async ({ gpu, peak }): Promise<Figure> => {
      using _scope = gpu.scope("decode");
      const model = createMini(gpu);
      await decodeOnce(model);
      gpu.resetPeak();
      const runs = [];
      for (let window = 0; window < WINDOWS; window++) runs.push(await decodeOnce(model));
      const steps = NEW_TOKENS - 1;
      const wallSeconds = median(runs.map(({ seconds }) => seconds));
      // Greedy decoding at batch 1 reads each active weight once a token, and multiplies it once.
      const { active } = countParameters(model.config);
      return {
        name: "deepseek.mini.decode",
        value: steps / wallSeconds,
        unit: "tokens/s",
        adapter: gpu.adapter.name,
        ...ratesOf({ flops: 2 * active * steps, bytes: 4 * active * steps }, wallSeconds, peak),
        steps,
        wallSeconds,
        dispatchesPerStep: Math.round((10 * runs[0]!.dispatches) / steps) / 10,
        submitsPerStep: Math.round((10 * runs[0]!.submits) / steps) / 10,
        peakBytes: gpu.stats.peakBytes,
        liveBuffers: gpu.stats.liveBuffers,
        cpuFallbacks: gpu.stats.cpuFallbacks,
      };
    },
  },
];

/** The clock and the counters start at the first token: the prompt's pass is not decoding. */
async function decodeOnce(model: DeepseekModel): Promise<{ seconds: number; dispatches: number; submits: number }> {
  const { gpu, config } = model;
  let first: { readonly time: number; readonly stats: GpuStats } | undefined;
  const onTokens = (): void => {
    first ??= { time: performance.now(), stats: gpu.stats };
  };
  await generate(model, [seededIds(PROMPT, config.vocabSize)], { maxNewTokens: NEW_TOKENS, onTokens });
  const seconds = (performance.now() - first!.time) / 1000;
  const { dispatches, submits } = gpu.stats;
  return { seconds, dispatches: dispatches - first!.stats.dispatches, submits: submits - first!.stats.submits };
}
