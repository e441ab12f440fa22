import { existsSync, readdirSync } from "node:fs";
import { defineConfig } from "vitest/config";

/** Every workspace folder with its own vitest.config.ts is a project: one start for all tests. */
const folders = ["packages", "examples"].flatMap((parent) => readdirSync(parent).map((name) => `${parent}/${name}`));
folders.push("bench", "conformance");

export default defineConfig({
  test: {
    projects: folders.filter((folder) => existsSync(`${folder}/vitest.config.ts`)),
  },
});
