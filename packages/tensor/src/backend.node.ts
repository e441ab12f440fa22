import { ensureSoftwareGpu, getDawn, useSoftwareGpu } from "@ds3/software-gpu";
import type { Backend } from "./backend.ts";
import { waitPolitely } from "./wait.node.ts";

/** Of the memory that nobody uses: a software adapter's buffers are this process's memory, as are compiled kernels. */
const MEMORY_SHARE = 0.9;

/** Dawn in Node. A software driver that is already in the user's cache is used; only `software: "fetch"` downloads. */
export const backend: Backend = {
  installHint: 'Run `npx @ds3/software-gpu install`, or pass { software: "fetch" } to openGpu.',
  async requestAdapter(options, software) {
    const present = await getDawn().requestAdapter(options);
    if (present) return present;
    if (software)
      await ensureSoftwareGpu({ fetch: true, ...(software.onMessage && { onMessage: software.onMessage }) });
    else useSoftwareGpu();
    return (await getDawn().requestAdapter(options)) ?? undefined;
  },
  get memoryBytes(): number {
    return MEMORY_SHARE * process.availableMemory();
  },
  wait: waitPolitely,
};
