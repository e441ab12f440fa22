import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../lib/run.mjs";

/** Runs the command that an installed @ds3/cli brings, as npm links it; throws when it does not do its work there. */
export async function checkCommand(home) {
  const ds3 = (...words) =>
    run(join(home, "node_modules", ".bin", "ds3"), words, { cwd: home, timeout: 60_000, label: "ds3" });
  await writeFile(join(home, "words.txt"), "the river and the bridge of the old town\n".repeat(50));
  const trained = await ds3("tokenizer", "train", "words.txt", "-o", "tokenizer.json", "--vocab-size", "290", "--json");
  const { vocabSize } = JSON.parse(trained);
  assert(vocabSize > 264 && vocabSize <= 290, trained);
  const inspected = await ds3("tokenizer", "inspect", "tokenizer.json", "words.txt", "--html", "page.html", "--json");
  assert.equal(JSON.parse(inspected).total.documents, 1);
}
