/*
 * node scripts/test-conformance.mjs [--topic T]: asserts every expected tensor of a folder of fixtures (see README.md).
 */
import { writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { openGpu } from "@ds3/tensor";
import { conformance } from "./conformance.ts";
import { topics } from "./topics.ts";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const chosen = process.env.DS3_FIXTURES;

process.exitCode = await conformance({
  args: process.argv.slice(2),
  chosenFolder: chosen === undefined ? undefined : resolve(repository, chosen),
  defaultFolder: resolve(repository, "../shared/fixtures"),
  topics,
  openGpu,
  print: console.log,
  writeReport: (json) => writeFileSync(join(repository, "conformance.json"), json),
});
