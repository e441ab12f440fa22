/**
 * Make sure that there is a WebGPU adapter: where the system has none, a software driver is fetched once and loaded into
 * this process. Its package, which brings Dawn, is loaded for that alone.
 * @throws NoSoftwareGpuError where none can be had.
 */
export async function prepareGpu(): Promise<void> {
  const { ensureSoftwareGpu } = await import("@ds3/software-gpu");
  await ensureSoftwareGpu({ fetch: true, onMessage: console.error });
}
