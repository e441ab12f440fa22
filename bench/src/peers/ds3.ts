import { matmul, openGpu, type Tensor } from "@ds3/tensor";
import { type StepRecord, train } from "@ds3/trainer";
import { readBatch } from "../gpt.ts";
import { seededValues } from "../seeded-values.ts";
import { gptRun } from "../training-runs.ts";
import type { Contender } from "./contender.ts";
import { ADAMW } from "./gpt-weights.ts";

/** ds3 itself, in a process of the same kind and timed by the same rule as its peers. */
export async function openDs3(): Promise<Contender> {
  const gpu = await openGpu();
  return {
    adapter: gpu.adapter.name,
    note: "",
    choosesPace: false,
    matmul: async (layout, size) => {
      const scope = gpu.scope("matmul");
      const values = seededValues(size * size);
      const [a, b] = [gpu.tensor(values, [size, size]), gpu.tensor(values, [size, size])];
      const product = (): Tensor => matmul(a, b, { layout });
      return {
        run: async (count) => {
          using _window = gpu.scope("window");
          for (let i = 0; i < count; i++) product();
          await gpu.idle();
        },
        firstRow: async () => {
          using _row = gpu.scope("row");
          return (await product().data()).subarray(0, size) as Float32Array;
        },
        dispose: () => scope[Symbol.dispose](),
      };
    },
    gpt: async (folder) => {
      const run = gptRun(gpu)!;
      const steps = async (count: number): Promise<StepRecord[]> => {
        const records: StepRecord[] = [];
        await train({
          model: run.model,
          batches: run.batches,
          steps: count,
          schedule: () => ADAMW.learningRate,
          clipNorm: Number.POSITIVE_INFINITY,
          onStep: (record) => void records.push(record),
        });
        return records;
      };
      return {
        tokensPerStep: readBatch(folder).inputs.length,
        losses: async (count) => (await steps(count)).map(({ loss }) => loss),
        run: async (count) => void (await steps(count)),
      };
    },
  };
}
