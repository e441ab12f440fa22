import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";

/** Larger files are tables and bundles. */
const LARGEST_BYTES = 200_000;
const CODE = [".ts", ".mjs", ".js", ".py"];
/** Programs of the repository and of one package that is installed with it, of an exact version. */
const CODE_FOLDERS = [
  "packages",
  "bench/src",
  "scripts",
  "examples",
  "bench/node_modules/@tensorflow/tfjs-layers/dist",
];

/** Programs that a checkout always has: TypeScript, JavaScript and Python. */
export function codeTexts(root: string): string[] {
  return CODE_FOLDERS.flatMap((folder) => textsBelow(join(root, folder), CODE));
}

/** Every program of the packages that are installed, about 60 MB: for training. */
export function installedCodeTexts(root: string): string[] {
  return [...codeTexts(root), ...textsBelow(join(root, "node_modules/.pnpm"), CODE, true)];
}

/** The Markdown of the repository and of the packages that are installed. */
export function manualTexts(root: string): string[] {
  const own = ["docs", "packages"].flatMap((folder) => textsBelow(join(root, folder), [".md"]));
  return [...own, ...textsBelow(join(root, "node_modules/.pnpm"), [".md"], true)];
}

function textsBelow(folder: string, extensions: readonly string[], isInstalled = false): string[] {
  return [...filesBelow(folder, isInstalled)]
    .filter((file) => extensions.includes(extname(file)) && !/[.-]min\./.test(file))
    .filter((file) => statSync(file).size <= LARGEST_BYTES)
    .map((file) => readFileSync(file, "utf8"))
    .filter((text) => text.trim() !== "" && !text.includes("\uFFFD"));
}

/** Links are not followed, so that each installed package is met once. */
function* filesBelow(folder: string, isInstalled: boolean): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory() && (isInstalled || !["node_modules", "dist"].includes(entry.name)))
      yield* filesBelow(path, isInstalled);
  }
}
