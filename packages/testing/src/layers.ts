/**
 * Which package may import which: arrows point down only, and no package imports a sibling of its own row.
 *
 * Rows from top to bottom. A new package gets its place here; the test beside this file holds everyone to it.
 */
export const layers: readonly (readonly string[])[] = [
  ["testing"],
  ["cli"],
  ["serve", "eval"],
  ["align-sft", "align-dpo", "align-grpo"],
  ["trainer", "parallel"],
  ["deepseek"],
  ["mla", "moe", "mtp"],
  ["fp8"],
  ["tensor", "tokenizer", "data"],
  ["software-gpu", "fp8-codec"],
  ["errors"],
];

/** Rows that may not be reached although they lie below: these packages take what they need as a function. */
export const injected: Readonly<Record<string, readonly string[]>> = {
  trainer: ["deepseek", "mla", "moe", "mtp", "fp8"],
  "align-sft": ["deepseek", "mla", "moe", "mtp", "fp8"],
  "align-dpo": ["deepseek", "mla", "moe", "mtp", "fp8"],
  "align-grpo": ["deepseek", "mla", "moe", "mtp", "fp8"],
  mla: ["fp8"],
  moe: ["fp8"],
};

/** One import statement of one file. */
export interface ImportSite {
  /** Path relative to the workspace. */
  readonly file: string;
  readonly specifier: string;
  /** In a test, a benchmark or a config: the dependencies for development count too, and the rows do not. */
  readonly development: boolean;
}

/** A package of the workspace as the rules see it. */
export interface PackageFacts {
  /** Without the scope. */
  readonly name: string;
  readonly isPrivate: boolean;
  /** Names in `dependencies` and `peerDependencies`. */
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
  readonly imports: readonly ImportSite[];
  /** Names of the packages that tsconfig.json refers to. */
  readonly references: readonly string[];
}

/** Packages that tests and benchmarks may import from the workspace's root without declaring them. */
const rootTools = new Set(["vitest", "esbuild", "webgpu", "typescript", "tsup", "vite"]);

/** Every broken rule as one sentence with the file or manifest in front; empty when all hold. */
export function layerViolations(packages: readonly PackageFacts[]): string[] {
  return packages.flatMap((facts) => [...manifestViolations(facts), ...importViolations(facts)]);
}

/** Why `from` may not depend on `to`, or undefined when it may. Both without the scope. */
export function arrowViolation(from: string, to: string): string | undefined {
  const [source, target] = [rowOf(from), rowOf(to)];
  if (source < 0) return `"${from}" has no place in the layer table`;
  if (target < 0) return `"${to}" has no place in the layer table`;
  if (source === target) return `"${to}" is a sibling of "${from}"`;
  if (source > target) return `"${to}" lies above "${from}"`;
  if (injected[from]?.includes(to)) return `"${from}" takes "${to}" as a function, it does not import it`;
  return undefined;
}

function rowOf(name: string): number {
  return layers.findIndex((row) => row.includes(name));
}

function* manifestViolations(facts: PackageFacts): Generator<string> {
  const where = `${facts.name}/package.json`;
  if (isExample(facts)) return;
  for (const name of ours(facts.dependencies)) {
    const reason = arrowViolation(facts.name, name);
    if (reason !== undefined) yield `${where}: ${reason}`;
  }
  if (facts.isPrivate) return;
  for (const name of ours(facts.dependencies)) {
    if (!facts.references.includes(name)) yield `${facts.name}/tsconfig.json: no reference to "${name}"`;
  }
  for (const name of facts.references) {
    if (!facts.dependencies.includes(`@ds3/${name}`)) yield `${where}: "${name}" is in tsconfig.json only`;
  }
}

function* importViolations(facts: PackageFacts): Generator<string> {
  for (const { file, specifier, development } of facts.imports) {
    const target = packageOf(specifier);
    if (target === undefined || target === `@ds3/${facts.name}`) continue;
    if (!isDeclared(facts, target, development)) yield `${file}: "${target}" is not a declared dependency`;
    const [name] = ours([target]);
    if (name === undefined || development || isExample(facts)) continue;
    const reason = arrowViolation(facts.name, name);
    if (reason !== undefined) yield `${file}: ${reason}`;
  }
}

function isDeclared(facts: PackageFacts, target: string, development: boolean): boolean {
  if (facts.dependencies.includes(target)) return true;
  return development && (facts.devDependencies.includes(target) || rootTools.has(target));
}

function isExample({ name }: PackageFacts): boolean {
  return name.startsWith("example-");
}

function ours(names: readonly string[]): string[] {
  return names.filter((name) => name.startsWith("@ds3/")).map((name) => name.slice("@ds3/".length));
}

/** `@scope/name/deep` -> `@scope/name`; undefined for a path, a `#` import and a module of Node. */
function packageOf(specifier: string): string | undefined {
  if (/^(?:[.#/]|node:)/.test(specifier)) return undefined;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
