/** Where golden cases lie: the committed ones, and larger external folders. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), "..");
export const committedFixtures: string = join(packageRoot, "fixtures");

/**
 * An external folder: what the variable names, or the default beside the repository.
 * Undefined when the variable is unset and the default is absent; a variable naming a missing or empty folder throws.
 */
export function externalFolder(variable: string, fallback: string): string | undefined {
  const chosen = process.env[variable];
  const folder = resolve(packageRoot, "../..", chosen ?? fallback);
  if (existsSync(folder) && statSync(folder).isDirectory() && readdirSync(folder).length > 0) return folder;
  if (chosen === undefined) return undefined;
  throw new Error(`${variable}: ${folder} is missing or empty; name a folder of golden cases, or unset the variable`);
}

/** Paths without extension of the files below a folder that end in `suffix`. */
export function basesBelow(folder: string, suffix: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((file) => file.endsWith(suffix))
    .map((file) => join(folder, file.slice(0, -suffix.length)))
    .sort();
}
