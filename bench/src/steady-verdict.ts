/** What a training run holds after a step. */
export interface MemorySample {
  /** From 1. */
  readonly step: number;
  readonly liveBuffers: number;
  readonly peakBytes: number;
  /** Storage buffers that the pool has created so far. */
  readonly poolBuffers: number;
  /** GPU buffers of any kind that were created so far, those of read-backs included. */
  readonly deviceBuffers: number;
  /** Of the whole process, after a garbage collection. */
  readonly residentBytes: number;
}

/** Process memory may grow by less than this share. */
export const RESIDENT_GROWTH = 0.05;

/** Growth of the process between two samples, as a share of the first. */
export function residentGrowth(first: MemorySample, last: MemorySample): number {
  return last.residentBytes / first.residentBytes - 1;
}

/** What moved between the third step and the last and should not have, a line each; none when the run is steady. */
export function steadyProblems(first: MemorySample, last: MemorySample): string[] {
  const moved = (["liveBuffers", "peakBytes", "poolBuffers", "deviceBuffers"] as const)
    .filter((key) => first[key] !== last[key])
    .map((key) => `${key} went from ${first[key]} after step ${first.step} to ${last[key]} after step ${last.step}`);
  const growth = residentGrowth(first, last);
  if (growth < RESIDENT_GROWTH) return moved;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return [...moved, `process memory grew by ${percent(growth)}, allowed are less than ${percent(RESIDENT_GROWTH)}`];
}
