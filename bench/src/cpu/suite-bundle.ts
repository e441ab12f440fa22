import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "esbuild";

/** The program of the suites, bundled. */
export interface SuiteBundle extends AsyncDisposable {
  /** The file to run. */
  readonly program: string;
  /** Lasts as long as the bundle. */
  readonly folder: string;
}

const BENCH = resolve(import.meta.dirname, "../..");
const LOADER_WORKER = resolve(BENCH, "../packages/data/src/shards/loader-worker.ts");

/**
 * Bundle what is measured, as a build of the packages does, into a folder of its own.
 *
 * Sources that tsx translates as they are loaded keep the names of all functions by a call at each place that makes one,
 * which slows down code that no user runs that way. A bundle has no such calls.
 */
export async function bundleSuites(): Promise<SuiteBundle> {
  await mkdir(join(BENCH, ".cache"), { recursive: true });
  const folder = await mkdtemp(join(BENCH, ".cache/suites-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await build({
      entryPoints: { suites: join(import.meta.dirname, "suite-main.ts"), "loader-worker": LOADER_WORKER },
      outdir: folder,
      bundle: true,
      splitting: true,
      platform: "node",
      target: "node20",
      format: "esm",
      conditions: ["@ds3/source"],
      external: ["tokenizers", "@huggingface/tokenizers"],
      logLevel: "error",
    });
  } catch (error) {
    await remove();
    throw error;
  }
  return { program: join(folder, "suites.js"), folder, [Symbol.asyncDispose]: remove };
}
