/*
 * node scripts/test-conformance.mjs [--topic T]: asserts every expected tensor of a folder of fixtures (see README.md).
 */
import { writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { openGpu } from "@ds3/tensor";
import { conformance } from "./conformance.ts";
import { topicsWith } from "./topics.ts";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const folder = (name: string | undefined): string | undefined =>
  name === undefined ? undefined : resolve(repository, name);

process.exitCode = await conformance({
  args: process.argv.slice(2),
  chosenFolder: folder(process.env.DS3_FIXTURES),
  defaultFolder: resolve(repository, "../shared/fixtures"),
  topics: topicsWith({
    chosen: folder(process.env.DS3_DATASETS),
    fallback: resolve(repository, "../shared/datasets"),
  }),
  openGpu,
  print: console.log,
  writeReport: (json) => writeFileSync(join(repository, "conformance.json"), json),
});
