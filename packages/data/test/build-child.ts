/** Builds by the config in the file that it is given and tells every stage it enters; the test that starts it kills it. */
import { readFileSync } from "node:fs";
import { buildCorpus } from "../src/build/build-corpus.ts";
import { byteEncoder } from "./build-files.ts";

const encoder = byteEncoder();
/** As long for each document as a larger vocabulary would take: there must be time to be killed in, on any disk. */
const encode = (text: string): ArrayLike<number> => {
  for (const end = performance.now() + 0.4; performance.now() < end; );
  return encoder.encode(text);
};

let last = "";
await buildCorpus(JSON.parse(readFileSync(process.argv[2]!, "utf8")), {
  encoder: { ...encoder, encode },
  onProgress: ({ stage }) => {
    if (stage !== last) process.stdout.write(`${stage}\n`);
    last = stage;
  },
});
