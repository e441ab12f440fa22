import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const packages = join(import.meta.dirname, "..", "..");

/** What a package may commit of reference values: a clone stays small, and larger ones lie outside the repository. */
const MAX_BYTES = 200_000;

/** Bytes of all files below a folder. */
function bytesBelow(folder: string): number {
  const paths = (readdirSync(folder, { recursive: true }) as string[]).map((file) => statSync(join(folder, file)));
  return paths.filter((stat) => stat.isFile()).reduce((sum, { size }) => sum + size, 0);
}

const folders = readdirSync(packages)
  .map((name) => ({ name, folder: join(packages, name, "fixtures") }))
  .filter(({ folder }) => existsSync(folder));

test("several packages have fixtures, in folders and in folders of folders", () => {
  expect(folders.map(({ name }) => name)).toEqual(expect.arrayContaining(["mla", "tokenizer"]));
  const { folder } = folders.find(({ name }) => name === "tokenizer")!;
  expect(bytesBelow(folder)).toBeGreaterThan(bytesBelow(join(folder, "chat")));
  expect(bytesBelow(join(folder, "chat"))).toBeGreaterThan(0);
});

test.each(folders)("fixtures of $name are 200 KB at most", ({ folder }) => {
  expect(bytesBelow(folder)).toBeLessThanOrEqual(MAX_BYTES);
});
