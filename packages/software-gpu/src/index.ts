export { getDawn } from "./dawn.ts";
export { doctor } from "./doctor.ts";
export { childEnvironment, ensureSoftwareGpu } from "./ensure-software-gpu.ts";
export { NoSoftwareGpuError } from "./errors.ts";
export { installSoftwareGpu } from "./install-software-gpu.ts";
export { type ProbeResult, probeAdapter } from "./probe-adapter.ts";
export { removeSoftwareGpu } from "./remove-software-gpu.ts";
export { findSoftwareGpu, type SoftwareDriver } from "./software-driver.ts";
export { useSoftwareGpu } from "./use-software-gpu.ts";
