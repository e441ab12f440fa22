import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";

/** The JSON of a fixture: its metadata, and the values themselves where it is a table. */
export type FixtureJson = Readonly<Record<string, unknown>>;

/** A fixture found in the folder. */
export interface FoundFixture {
  /** Path below the folder, without extension. */
  readonly name: string;
  /** First folder of the path. */
  readonly topic: string;
  /** Absolute path without extension. */
  readonly base: string;
  readonly json: FixtureJson;
  /** Its values are tensors in the `.safetensors` beside it; else they are tables in the JSON. */
  readonly hasTensors: boolean;
}

/** What a folder holds. */
export interface FoundFixtures {
  readonly fixtures: readonly FoundFixture[];
  /** Whatever looks like a fixture and cannot be run, by path. */
  readonly problems: readonly { readonly name: string; readonly topic: string; readonly reason: string }[];
}

/**
 * Lists the fixtures of a folder: each first-level folder is a topic, fixtures lie in it at any depth. Folders of
 * `ownTopics` are left to them.
 */
export function findFixtures(
  root: string,
  topics: readonly string[],
  ownTopics: readonly string[] = [],
): FoundFixtures {
  const fixtures: FoundFixture[] = [];
  const problems: { name: string; topic: string; reason: string }[] = [];
  const folders = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort();
  for (const topic of folders.filter((folder) => !ownTopics.includes(folder))) {
    const refuse = (name: string, reason: string): unknown => problems.push({ name, topic, reason });
    if (!topics.includes(topic)) {
      refuse(topic, `unknown topic; known: ${topics.join(", ")}`);
      continue;
    }
    const before = fixtures.length + problems.length;
    for (const file of filesBelow(join(root, topic))) scan(root, topic, file, fixtures, refuse);
    if (fixtures.length + problems.length === before) refuse(topic, "the topic's folder holds no fixture");
  }
  if (folders.length === 0) problems.push({ name: root, topic: "", reason: "the folder holds no topic" });
  return { fixtures, problems };
}

function scan(
  root: string,
  topic: string,
  file: string,
  fixtures: FoundFixture[],
  refuse: (name: string, reason: string) => unknown,
): void {
  const base = file.replace(/\.(json|safetensors)$/, "");
  const name = relative(root, base).split(sep).join("/");
  if (file.endsWith(".safetensors")) {
    const isCheckpoint = /^model\b/.test(basename(file)) && existsSync(join(dirname(file), "config.json"));
    if (!isCheckpoint && !existsSync(`${base}.json`)) refuse(name, "tensors without a .json beside them");
    return;
  }
  const json = readObject(file);
  if (typeof json === "string") {
    refuse(name, json);
    return;
  }
  const hasTensors = typeof json.tensors === "object" && json.tensors !== null;
  // Without either it is a support file: a config, a tokenizer.
  if (!hasTensors && typeof json.topic !== "string") return;
  if (json.topic !== topic) refuse(name, `its topic is ${JSON.stringify(json.topic)}, its folder's is "${topic}"`);
  else if (hasTensors && !existsSync(`${base}.safetensors`)) refuse(name, "no .safetensors beside it");
  else fixtures.push({ name, topic, base, json, hasTensors });
}

/** The JSON object of a file, or what is wrong with it. */
function readObject(file: string): FixtureJson | string {
  try {
    const json: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof json === "object" && json !== null ? (json as FixtureJson) : {};
  } catch (error) {
    return `not readable as JSON: ${(error as Error).message}`;
  }
}

function filesBelow(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((file) => /\.(json|safetensors)$/.test(file))
    .map((file) => join(folder, file))
    .sort();
}
