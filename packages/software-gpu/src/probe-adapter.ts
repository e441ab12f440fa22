import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** What Dawn says of the adapter that it chose. */
export interface AdapterReport {
  readonly description: string;
  readonly vendor: string;
  readonly architecture: string;
  /** True for an adapter that runs on the CPU. */
  readonly isSoftware: boolean;
  readonly features: readonly string[];
  /** Bytes; counts; invocations. */
  readonly limits: Readonly<Record<string, number>>;
}

/** The adapter, undefined when Dawn found none, and what Dawn wrote while it looked. */
export interface ProbeResult {
  readonly adapter: AdapterReport | undefined;
  readonly log: string;
}

const PROBE_MILLISECONDS = 60_000;

/** The limits that decide what a model can do; all others are WebGPU's own business. */
const LIMITS = ["maxBufferSize", "maxStorageBufferBindingSize", "maxComputeInvocationsPerWorkgroup"];

/** The child's program. `globalThis.dawn` keeps the instance referenced. */
function probeProgram(): string {
  const webgpu = pathToFileURL(createRequire(import.meta.url).resolve("webgpu")).href;
  return `
    import { create } from ${JSON.stringify(webgpu)};
    globalThis.dawn = create(["enable-dawn-features=allow_unsafe_apis"]);
    const adapter = await globalThis.dawn.requestAdapter();
    const limits = adapter && Object.fromEntries(${JSON.stringify(LIMITS)}.map((name) => [name, adapter.limits[name]]));
    const report = adapter && {
      description: adapter.info.description, vendor: adapter.info.vendor, architecture: adapter.info.architecture,
      isSoftware: adapter.info.isFallbackAdapter ?? false, features: [...adapter.features].sort(), limits,
    };
    process.stdout.write(JSON.stringify(report));
  `;
}

/**
 * Ask Dawn for an adapter in a child process, so that neither its libraries nor its crashes touch this one.
 *
 * `environment` is added to the child's own, e.g. what `childEnvironment` returned. Never throws for a missing adapter:
 * the log holds Dawn's reasons. Cost: about 0.2 s.
 */
export async function probeAdapter(environment: Readonly<Record<string, string>> = {}): Promise<ProbeResult> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", probeProgram()], {
    env: { ...process.env, ...environment, NODE_OPTIONS: "" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PROBE_MILLISECONDS,
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (data) => (output.stdout += String(data)));
  child.stderr.on("data", (data) => (output.stderr += String(data)));
  const exit = await new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(code === 0 ? "" : `The probe ended with ${signal ?? `code ${code}`}.`));
  });
  return { adapter: parseReport(output.stdout), log: (output.stderr + exit).trim() };
}

/** A report that arrived whole counts, even when the child crashed on its way out. */
function parseReport(text: string): AdapterReport | undefined {
  try {
    return (JSON.parse(text) as AdapterReport | null) ?? undefined;
  } catch {
    return undefined;
  }
}
