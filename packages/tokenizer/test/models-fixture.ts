import type { Json, JsonObject } from "../src/json-reader.ts";
import { offsetsOf, readCases, type Span } from "./reference-cases.ts";

/** Ids, and offsets in code points. */
type Row<Offset> = readonly [ids: readonly number[], offsets: readonly Offset[]];

interface NamedModel<Offset, Shared> {
  readonly name: string;
  readonly byteLevel: boolean;
  readonly model: JsonObject;
  /** By text. */
  readonly rows: readonly (Row<Offset> | Shared)[];
}

interface Fixture<Offset, Shared> {
  readonly texts: readonly string[];
  readonly models: readonly NamedModel<Offset, Shared>[];
  /** Model sections in HF's own layout. */
  readonly written: readonly string[];
  /** Texts by list of tokens; 0 where it is the tokens joined, null where HF panics. */
  readonly decoders: {
    readonly tokens: readonly (readonly string[])[];
    readonly cases: readonly { readonly decoder: Json; readonly texts: readonly (string | 0 | null)[] }[];
  };
}

/** What scripts/reference/tokenizer_models.py writes; what an earlier model has too is written as its number. */
const written = readCases<Fixture<Span, number>>("models.json");

/** The same with everything in its place, offsets as flat [start, end, ...]. */
export const modelsFixture: Fixture<number, never> = { ...written, models: written.models.map(whole) };

function whole({ model, rows, ...rest }: NamedModel<Span, number>): NamedModel<number, never> {
  const shared = ["vocab", "merges"].filter((part) => typeof model[part] === "number");
  const parts = shared.map((part) => [part, written.models[model[part] as number]!.model[part]!]);
  const found = rows.map((row, i) => (typeof row === "number" ? (written.models[row]!.rows[i] as Row<Span>) : row));
  return {
    ...rest,
    model: { ...model, ...(Object.fromEntries(parts) as JsonObject) },
    rows: found.map(([ids, spans]) => [ids, offsetsOf(spans)]),
  };
}
