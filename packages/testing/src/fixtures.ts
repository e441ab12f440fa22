import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bf16ToF32, f16ToF32, parseSafetensors, type SafetensorsTensor } from "@ds3/tensor/safetensors";

/** How far one tensor may be off: elementwise `rtol * |expected|` when given, else `atol`. */
export interface Tolerance {
  readonly atol?: number;
  readonly rtol?: number;
}

/** The JSON beside a fixture's tensors. */
export interface FixtureMeta {
  readonly name: string;
  readonly topic: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: Readonly<Record<string, { readonly role: string; readonly shape: readonly number[] }>>;
  readonly tolerance: Readonly<Record<string, Tolerance>>;
}

/** Reference values from an independent implementation: what went in, what must come out. */
export interface Fixture {
  readonly meta: FixtureMeta;
  readonly names: readonly string[];
  /** A stored tensor. Throws when the fixture has none of that name. */
  tensor(name: string): SafetensorsTensor;
  /** A stored F32, F64, F16 or BF16 tensor in double precision. */
  f64(name: string): Float64Array;
  /** A stored I32 tensor. */
  i32(name: string): Int32Array;
}

/** Load `<base>.json` and `<base>.safetensors`. */
export function loadFixture(base: string): Fixture {
  const meta = JSON.parse(readFileSync(`${base}.json`, "utf8")) as FixtureMeta;
  const tensors = parseSafetensors(readFileSync(`${base}.safetensors`));
  const tensor = (name: string) => {
    const found = tensors.get(name);
    if (found === undefined) throw new Error(`${base}: no tensor "${name}"; it has ${[...tensors.keys()].join(", ")}`);
    return found;
  };
  return {
    meta,
    names: [...tensors.keys()],
    tensor,
    f64: (name) => toFloat64(tensor(name)),
    i32: (name) => Int32Array.from(tensor(name).data as Int32Array),
  };
}

/** The elements of a floating-point tensor as doubles. */
export function toFloat64({ dtype, data }: Pick<SafetensorsTensor, "dtype" | "data">): Float64Array {
  if (dtype === "BF16") return Float64Array.from(bf16ToF32(data as Uint16Array));
  if (dtype === "F16") return Float64Array.from(f16ToF32(data as Uint16Array));
  if (dtype === "F32" || dtype === "F64") return Float64Array.from(data as Float32Array);
  throw new Error(`a ${dtype} tensor has no plain doubles`);
}

const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

/**
 * The folder of external fixtures: `DS3_FIXTURES`, by default `../shared/fixtures` beside the repository.
 * Undefined when the variable is unset and the default is absent; a variable that names a missing or empty folder throws.
 */
export function fixturesRoot(): string | undefined {
  const chosen = process.env.DS3_FIXTURES;
  const root = resolve(repositoryRoot, chosen ?? "../shared/fixtures");
  const filled = existsSync(root) && statSync(root).isDirectory() && readdirSync(root).length > 0;
  if (filled) return root;
  if (chosen === undefined) return undefined;
  throw new Error(`DS3_FIXTURES: ${root} is missing or empty; name a folder of fixtures, or unset the variable`);
}

/**
 * Paths without extension of a topic's fixtures: every `.json` with a `.safetensors` beside it, at any depth.
 * Undefined when there is no external folder (see {@link fixturesRoot}) or none of that topic; an empty one throws.
 */
export function listFixtures(topic: string): string[] | undefined {
  const folder = join(fixturesRoot() ?? "", topic);
  if (fixturesRoot() === undefined || !existsSync(folder)) return undefined;
  const bases = fixturesBelow(folder);
  if (bases.length === 0) throw new Error(`fixtures: ${folder} holds no fixture`);
  return bases;
}

/** Paths without extension of all fixtures below a folder, sorted. */
export function fixturesBelow(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((file) => file.endsWith(".json"))
    .map((file) => join(folder, file.slice(0, -".json".length)))
    .filter((base) => existsSync(`${base}.safetensors`))
    .sort();
}
