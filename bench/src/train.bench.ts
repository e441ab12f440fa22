import { createDeepseek, type DeepseekModel, deepseekV3, generate, type TrainingBatch } from "@ds3/deepseek";
import { type Gpu, measurePeak } from "@ds3/tensor";
import { type BatchSource, type StepRecord, type TrainableModel, train } from "@ds3/trainer";
import { type Figure, median } from "./figure.ts";
import { createGpt, peersFolder, readBatch } from "./gpt.ts";

/** Steps before the clock starts: pipelines compile and buffers are allocated in the first, caches settle by the third. */
const WARM_UP = 3;
/** Windows of the measurement; the figure is their median. */
const WINDOWS = 3;

/** The tiny GPT of the peers, from their weights; undefined when their folder is not there. */
export async function benchGpt(gpu: Gpu, steps: number): Promise<Figure | undefined> {
  const folder = peersFolder();
  if (folder === undefined) return undefined;
  using _scope = gpu.scope("gpt");
  const batch = readBatch(folder);
  return await benchTraining("gpt.tiny.train", createGpt(gpu, folder), constant(batch, batch.inputs.length), steps, {
    clipNorm: Number.POSITIVE_INFINITY,
  });
}

/** The `mini` preset at sequence 256, batch 4, on seeded random tokens. */
export async function benchDeepseekTraining(gpu: Gpu, steps: number): Promise<Figure> {
  using _scope = gpu.scope("deepseek");
  const { model, batch } = createMini(gpu);
  return await benchTraining("deepseek.mini.train", model, constant(batch, batch.inputs.length), steps, {});
}

/** Time per kernel of one forward and backward of the `mini` preset, beside the adapter's measured peak. */
export async function profileDeepseek(gpu: Gpu): Promise<string> {
  using _scope = gpu.scope("profile");
  const { model, batch } = createMini(gpu);
  const pass = (): void => {
    using _pass = gpu.scope("pass");
    using tape = gpu.tape();
    tape.backward(model.loss(batch).total);
  };
  pass();
  await gpu.idle();
  const profile = await gpu.profile(pass);
  return profile.toString(await measurePeak(gpu));
}

function createMini(gpu: Gpu): { model: DeepseekModel; batch: TrainingBatch } {
  const config = deepseekV3("mini");
  const [batch, length] = [4, 256];
  const ids = randomIds(batch * (length + 1), config.vocabSize);
  const rows = (shift: number): Int32Array =>
    Int32Array.from(
      { length: batch * length },
      (_, i) => ids[Math.floor(i / length) * (length + 1) + (i % length) + shift]!,
    );
  return {
    model: createDeepseek(gpu, config, { seed: 1 }),
    batch: { inputs: rows(0), targets: rows(1), batch, length },
  };
}

/** Greedy decoding of the `mini` preset at batch 1, 128 tokens behind a prompt of 16. */
export async function benchDeepseekDecoding(gpu: Gpu): Promise<Figure> {
  using _scope = gpu.scope("decode");
  const config = deepseekV3("mini");
  const model = createDeepseek(gpu, config, { seed: 1 });
  const prompt = randomIds(16, config.vocabSize);
  const maxNewTokens = 128;
  await generate(model, [prompt], { maxNewTokens: 8 });
  const seconds: number[] = [];
  for (let window = 0; window < WINDOWS; window++) {
    let start = 0;
    // The clock starts at the first token: the prompt's pass is not decoding.
    const onTokens = (): void => {
      if (start === 0) start = performance.now();
    };
    await generate(model, [prompt], { maxNewTokens, onTokens });
    seconds.push((performance.now() - start) / 1000);
  }
  const steps = maxNewTokens - 1;
  const wallSeconds = median(seconds);
  return {
    name: "deepseek.mini.decode",
    value: steps / wallSeconds,
    unit: "tokens/s",
    adapter: gpu.adapter.name,
    steps,
    wallSeconds,
  };
}

/** Trains through the trainer's own loop and times windows of steps, the last loss read back inside each window. */
async function benchTraining<Batch>(
  name: string,
  model: TrainableModel<Batch>,
  batches: BatchSource<Batch>,
  steps: number,
  options: { readonly clipNorm?: number },
): Promise<Figure> {
  const { gpu } = model;
  const losses: number[] = [];
  let tokens = 0;
  const onStep = (record: StepRecord): void => {
    losses.push(record.loss);
    tokens = record.tokens;
  };
  const run = (count: number): Promise<unknown> =>
    train({ model, batches, steps: count, schedule: () => 1e-3, ...options, onStep });
  await run(Math.max(WARM_UP, 4));
  const firstLosses = losses.slice(0, 4);
  const seconds: number[] = [];
  const before = gpu.stats;
  for (let window = 0; window < WINDOWS; window++) {
    const start = performance.now();
    await run(steps);
    seconds.push((performance.now() - start) / 1000);
  }
  const after = gpu.stats;
  const total = steps * WINDOWS;
  const wallSeconds = median(seconds);
  return {
    name,
    value: tokens / wallSeconds,
    unit: "tokens/s",
    adapter: gpu.adapter.name,
    steps,
    wallSeconds,
    dispatchesPerStep: Math.round((after.dispatches - before.dispatches) / total),
    submitsPerStep: Math.round(((after.submits - before.submits) / total) * 10) / 10,
    firstLosses,
    peakBytes: after.peakBytes,
    cpuFallbacks: after.cpuFallbacks,
  };
}

function constant<Batch>(batch: Batch, tokensPerBatch: number): BatchSource<Batch> {
  return { tokensPerBatch, next: () => batch, cursor: () => 0, seek: () => {} };
}

/** Seeded ids by a linear congruential generator: the same in every run. */
function randomIds(count: number, below: number): Int32Array {
  let state = 12_345;
  return Int32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  });
}
