import type { Gpu } from "./gpu.ts";
import { matmul } from "./matmul.ts";
import type { Peak } from "./profiler.ts";

/** Sides of the square product, and bytes of the copy: some milliseconds each. */
const SIDE = { software: 512, hardware: 4096 };
const BYTES = { software: 16 * 1024 * 1024, hardware: 128 * 1024 * 1024 };
const RUNS = 3;

/**
 * What this adapter reaches with our own best kernel and with plain copies, to hold a profile against:
 * `profile.toString(await measurePeak(gpu))`. The best of three runs each, after one that compiles; a few
 * milliseconds, some tens on a software adapter. Frees all it allocates.
 */
export async function measurePeak(gpu: Gpu): Promise<Peak> {
  const kind = gpu.target.software ? "software" : "hardware";
  const [side, bytes] = [SIDE[kind], BYTES[kind]];
  const fork = gpu.fork();
  try {
    const a = fork.full([side, side], 1);
    const [from, to] = [fork.zeros([bytes / 4]), fork.empty([bytes / 4])];
    const product = await fastest(fork, () => void matmul(a, a));
    const copy = await fastest(fork, () => fork.copy(from, to, 0));
    return { gigaflopsPerSecond: (2 * side ** 3) / product / 1e6, gigabytesPerSecond: (2 * bytes) / copy / 1e6 };
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
