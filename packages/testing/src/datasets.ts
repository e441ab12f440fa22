import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

/**
 * Files of external data sets with one of the extensions, sorted: below `DS3_DATASETS`, by default `../shared/datasets`
 * beside the repository.
 * Undefined when the variable is unset and the default is absent; a variable that names a missing or empty folder throws.
 */
export function listDatasets(extensions: readonly string[] = [".jsonl"]): string[] | undefined {
  const chosen = process.env.DS3_DATASETS;
  const root = resolve(repositoryRoot, chosen ?? "../shared/datasets");
  const isFolder = existsSync(root) && statSync(root).isDirectory();
  const files = isFolder ? (readdirSync(root, { recursive: true }) as string[]) : [];
  const found = files.filter((file) => extensions.includes(extname(file))).map((file) => join(root, file));
  if (found.length > 0) return found.sort();
  if (chosen === undefined && !isFolder) return undefined;
  throw new Error(
    `DS3_DATASETS: ${root} is missing or has no ${extensions.join(" or ")}; unset it to skip these tests`,
  );
}
