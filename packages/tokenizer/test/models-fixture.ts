import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Json } from "../src/json-reader.ts";

/** What scripts/reference/tokenizer_models.py writes. */
export interface ModelsFixture {
  readonly texts: readonly string[];
  /** Rows by text: ids, and offsets in code points as flat [start, end, ...]. */
  readonly models: readonly {
    readonly name: string;
    readonly byteLevel: boolean;
    readonly model: Json;
    readonly rows: readonly (readonly [ids: readonly number[], offsets: readonly number[]])[];
  }[];
  /** Model sections in HF's own layout. */
  readonly written: readonly string[];
  /** Texts by list of tokens; null where HF panics. */
  readonly decoders: {
    readonly tokens: readonly (readonly string[])[];
    readonly cases: readonly { readonly decoder: Json; readonly texts: readonly (string | null)[] }[];
  };
}

const path = fileURLToPath(new URL("../fixtures/models.json", import.meta.url));

export const modelsFixture: ModelsFixture = JSON.parse(readFileSync(path, "utf8")) as ModelsFixture;
