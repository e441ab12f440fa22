import { rmSync } from "node:fs";
import { mkdir, mkdtemp } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "esbuild";

/** The program of the suites, bundled. */
export interface SuiteBundle extends Disposable {
  /** The file to run. */
  readonly program: string;
  /** Lasts as long as the bundle. */
  readonly folder: string;
}

const BENCH = resolve(import.meta.dirname, "../..");
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
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
  const remove = removeAtEnd(folder);
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
    remove();
    throw error;
  }
  return { program: join(folder, "suites.js"), folder, [Symbol.dispose]: remove };
}

/** Removes the folder when it is called, and when this process ends otherwise: a corpus may be in it. */
function removeAtEnd(folder: string): () => void {
  const remove = (): void => {
    for (const signal of SIGNALS) process.off(signal, pass);
    process.off("exit", remove);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const pass = (signal: NodeJS.Signals): void => {
    remove();
    process.kill(process.pid, signal);
  };
  for (const signal of SIGNALS) process.on(signal, pass);
  process.on("exit", remove);
  return remove;
}
