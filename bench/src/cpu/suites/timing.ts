import { exposeGarbageCollector } from "../../collect-garbage.ts";

const collectGarbage = exposeGarbageCollector();

/** Seconds that a call takes; garbage of before is collected beforehand. */
export async function timed(call: () => unknown): Promise<number> {
  collectGarbage();
  const start = performance.now();
  const result = call();
  if (result instanceof Promise) await result;
  return (performance.now() - start) / 1000;
}

/** Seconds of each of some calls after a first one that does not count. */
export async function timedAfterFirst(count: number, call: () => unknown): Promise<number[]> {
  await call();
  const seconds: number[] = [];
  for (let i = 0; i < count; i++) seconds.push(await timed(call));
  return seconds;
}

/** Seconds of the processor that a call takes, in all threads: what other processes do counts for less in it. */
export function timedCpu(call: () => unknown): number {
  collectGarbage();
  const start = process.cpuUsage();
  call();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}
