import { type Gpu, measurePeak } from "@ds3/tensor";
import { createMini, randomBatch } from "./mini.ts";

/** Time per kernel of one forward and backward of the `mini` preset, beside the adapter's measured peak. */
export async function profileMini(gpu: Gpu): Promise<string> {
  using _scope = gpu.scope("profile");
  const model = createMini(gpu);
  const batch = randomBatch(model.config, 4, 256);
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
