import { ARITHMETIC_FLOPS, arithmeticPeakWgsl } from "./arithmetic-peak.wgsl.ts";
import type { Gpu } from "./gpu.ts";
import { cachedTemplate } from "./kernel.ts";
import type { Peak } from "./profiler.ts";
import { lanesOf } from "./row-kernel.ts";

/** Work of one run: some milliseconds. */
const WORK = {
  software: { groups: 64, turns: 2 ** 12, bytes: 16 * 1024 * 1024 },
  hardware: { groups: 4096, turns: 2 ** 12, bytes: 128 * 1024 * 1024 },
};
const RUNS = 3;

const arithmeticKernel = cachedTemplate(arithmeticPeakWgsl);

/**
 * What this adapter's arithmetic and memory allow, to hold a profile against: `profile.toString(await measurePeak(gpu))`.
 * Multiplications and additions of f32 in registers, and a plain copy, which counts what it reads and writes. The best of
 * three runs each, after one that compiles; some tens of milliseconds. Frees all it allocates.
 */
export async function measurePeak(gpu: Gpu): Promise<Peak> {
  const { groups, turns, bytes } = WORK[gpu.target.software ? "software" : "hardware"];
  const fork = gpu.fork();
  try {
    const lanes = lanesOf(fork.target);
    const sums = fork.empty([groups]);
    const [from, to] = [fork.zeros([bytes / 4]), fork.empty([bytes / 4])];
    // Chains that converge: neither infinities nor subnormal numbers, which some adapters are slow at.
    const uniforms = { turns, factor: 0.5, term: 1 };
    const sum = await fastest(fork, () => fork.dispatch(arithmeticKernel(lanes), { sums }, uniforms, [groups]));
    const copy = await fastest(fork, () => fork.copy(from, to, 0));
    const flops = ARITHMETIC_FLOPS * turns * groups * lanes;
    return { gigaflopsPerSecond: flops / sum / 1e6, gigabytesPerSecond: (2 * bytes) / copy / 1e6 };
  } finally {
    await fork.close();
  }
}

/** Milliseconds of the fastest of a few runs. */
async function fastest(gpu: Gpu, encode: () => void): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run <= RUNS; run++) {
    await gpu.idle();
    const started = performance.now();
    const scope = gpu.scope("peak");
    encode();
    scope.close();
    await gpu.idle();
    if (run > 0) best = Math.min(best, performance.now() - started);
  }
  return best;
}
