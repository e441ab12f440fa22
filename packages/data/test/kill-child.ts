/** Goes on with a first pass in the folder that it is given, committing often; the test that starts it kills it. */
import { openDeduplicator } from "../src/dedup/open-deduplicator.ts";
import { killTexts } from "./kill-texts.ts";

const texts = killTexts();
using run = openDeduplicator({ mode: "minHash", directory: process.argv[2]! });
for (let i = run.documents; i < texts.length; i++) {
  run.add({ text: texts[i]!, source: `t:${i + 1}` });
  if (i % 25 === 0) process.stdout.write(`${run.commit()}\n`);
}
run.commit();
