import { cpus } from "node:os";

/** `Intel(R) Xeon(R) Processor, 2 cores, Node v20.20.2`: where figures without a GPU are measured. */
export function cpuName(): string {
  const all = cpus();
  return `${all[0]?.model ?? "unknown processor"}, ${all.length} cores, Node ${process.version}`;
}
