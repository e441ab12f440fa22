import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type FoundTokenizerCases,
  findTokenizerCases,
  firstMismatch,
  type TokenizerCases,
  tokenizerChecks,
} from "@ds3/testing/tokenizer-cases";
import { parseTokenizer, type Tokenizer, trainFromOld } from "@ds3/tokenizer";
import type { TensorReport } from "../run-fixture.ts";
import type { OwnFixture, OwnListing, OwnTopic } from "../topic.ts";

/** Where data sets lie: what the user named, if anything, and where to look otherwise. */
export interface DatasetsFolder {
  readonly chosen: string | undefined;
  readonly fallback: string;
}

const GOLDEN = "tokenizer-golden";

/**
 * Ids, offsets and texts of HF tokenizers: the cases in the topic's folder, and those in `tokenizer-golden` below the
 * folder of data sets. No GPU.
 */
export function tokenizerTopic(datasets: DatasetsFolder): OwnTopic {
  return {
    list: (folder) => {
      const own = folder === undefined ? [] : fixturesOf(folder);
      const golden = listGolden(datasets);
      return { fixtures: [...own, ...golden.fixtures], notes: golden.notes };
    },
  };
}

function listGolden({ chosen, fallback }: DatasetsFolder): OwnListing {
  const folder = join(chosen ?? fallback, GOLDEN);
  if (isFilled(folder)) return { fixtures: fixturesOf(folder, join(fallback, GOLDEN)), notes: [] };
  if (chosen === undefined) {
    return {
      fixtures: [],
      notes: [`skipped: no golden rows in ${folder} (set DS3_DATASETS to a folder of data sets)`],
    };
  }
  throw new Error(`DS3_DATASETS: ${folder} is missing or empty; name a folder of data sets, or unset the variable`);
}

function isFilled(folder: string): boolean {
  return existsSync(folder) && statSync(folder).isDirectory() && readdirSync(folder).length > 0;
}

function fixturesOf(folder: string, elsewhere?: string): OwnFixture[] {
  const found = findTokenizerCases(folder, fileURLToPath(import.meta.url), elsewhere);
  if (found.length === 0) throw new Error(`${folder} holds no cases of tokenizers`);
  return found.map((cases) => ({ name: `${basename(folder)}/${cases.name}`, run: () => assertCases(cases) }));
}

/** One entry for each thing that the cases state of many rows. */
function assertCases({ load }: FoundTokenizerCases): TensorReport[] {
  const cases = load();
  const tokenizer = parseTokenizer(cases.tokenizerJson);
  const rows = tokenizerChecks(cases).map((check): TensorReport => {
    const named = { name: check.name, role: "expected_exact", via: ["@ds3/tokenizer"] };
    const reason = firstMismatch(check, tokenizer);
    if (reason !== undefined) return { ...named, status: "failed", reason };
    return { ...named, status: "asserted", note: `${check.rows.length} rows` };
  });
  return cases.training === undefined ? rows : [...rows, assertTraining(cases, tokenizer)];
}

/** Training on the stated corpus gives the stated vocabulary and merges. */
function assertTraining({ training, tokenizerJson }: TokenizerCases, tokenizer: Tokenizer): TensorReport {
  const { corpus, vocabSize, specialTokens } = training!;
  const { model } = JSON.parse(tokenizerJson) as TokenizerFile;
  const trained = trainFromOld(tokenizer, [corpus], {
    vocabSize,
    specialTokens: specialTokens.filter((token) => !tokenizer.specialTokens.includes(token)),
  });
  const got = (JSON.parse(trained.toJson()) as TokenizerFile).model;
  const named = { name: "merges", role: "expected_exact", via: ["trainFromOld"] };
  const at = model.merges.findIndex((merge, rank) => JSON.stringify(got.merges[rank]) !== JSON.stringify(merge));
  const isSame = at < 0 && got.merges.length === model.merges.length && trained.vocabSize === tokenizer.vocabSize;
  if (isSame) return { ...named, status: "asserted", note: `${model.merges.length} merges` };
  const place = at < 0 ? Math.min(got.merges.length, model.merges.length) : at;
  const [merge, expected] = [got.merges[place], model.merges[place]].map((pair) => JSON.stringify(pair));
  return { ...named, status: "failed", reason: `merges[${place}]: ${merge}, expected ${expected}` };
}

interface TokenizerFile {
  readonly model: { readonly merges: readonly unknown[] };
}
