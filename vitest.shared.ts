import { defineConfig } from "vitest/config";

/** One GPU device a file: forks keep Dawn out of worker threads, and one at a time leaves both cores to the software adapter. */
export default defineConfig({
  ssr: { resolve: { conditions: ["@ds3/source", "node", "module", "import", "default"] } },
  esbuild: { target: "node20" },
  test: {
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
  },
});
