import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const packages = join(import.meta.dirname, "..", "..");
const DECLARATION = /^export (?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type) ([A-Za-z]\w*)/;

/** Names of exported declarations without a JSDoc block directly above them, and the number of all. */
function exportsOf(source: string): { readonly count: number; readonly undocumented: readonly string[] } {
  const lines = source.split("\n");
  const found = lines.flatMap((line, i) => {
    const name = DECLARATION.exec(line)?.[1];
    return name ? [{ name, documented: endsJsdoc(lines, i - 1) }] : [];
  });
  return { count: found.length, undocumented: found.filter((entry) => !entry.documented).map(({ name }) => name) };
}

function endsJsdoc(lines: readonly string[], last: number): boolean {
  if (!lines[last]?.endsWith("*/")) return false;
  for (let i = last; i >= 0; i--) if (lines[i]!.includes("/*")) return lines[i]!.startsWith("/**");
  return false;
}

function sources(name: string): { readonly path: string; readonly text: string }[] {
  const folder = join(packages, name, "src");
  return readdirSync(folder)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => ({ path: `${name}/src/${file}`, text: readFileSync(join(folder, file), "utf8") }));
}

const names = readdirSync(packages);

test.each(names)("every export of %s says what it is", (name) => {
  const all = sources(name).map(({ path, text }) => ({ path, ...exportsOf(text) }));
  expect(all.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(5);
  expect(all.flatMap(({ path, undocumented }) => undocumented.map((entry) => `${path}: ${entry}`))).toEqual([]);
});

test.each(names)("index.ts of %s lists exports and holds no code", (name) => {
  const index = readFileSync(join(packages, name, "src", "index.ts"), "utf8");
  const code = index.replaceAll(/\/\*.*?\*\/|\/\/.*$/gms, "").replaceAll(/^import "[^"]+";$/gm, "");
  const rest = code.replaceAll(/^export (?:type )?\{[^}]*\} from "[^"]+";$/gms, "");
  expect(rest.trim()).toBe("");
});

test("a declaration without, with a plain and with a proper comment", () => {
  const source = "export const a = 1;\n/* b */\nexport type b = 1;\n/**\n * c\n */\nexport function c() {}\n";
  expect(exportsOf(source)).toEqual({ count: 3, undocumented: ["a", "b"] });
});
