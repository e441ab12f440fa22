/** Builds by the config in the file that it is given; the test that starts it kills it at any moment. */
import { readFileSync } from "node:fs";
import { buildCorpus } from "../src/build/build-corpus.ts";
import { byteEncoder } from "./build-files.ts";

process.stdout.write("start\n");
await buildCorpus(JSON.parse(readFileSync(process.argv[2]!, "utf8")), { encoder: byteEncoder() });
