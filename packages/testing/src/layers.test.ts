import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { arrowViolation, layers, layerViolations, type PackageFacts } from "./layers.ts";
import { importCycles, importSpecifiers, workspaceFacts } from "./workspace-facts.ts";

const root = join(import.meta.dirname, "..", "..", "..");

test("every import and every dependency of the workspace points down and is declared", () => {
  const facts = workspaceFacts(root);
  expect(facts.map(({ name }) => name)).toEqual(expect.arrayContaining(["errors", "tensor", "example-quickstart"]));
  expect(facts.flatMap(({ imports }) => imports).length).toBeGreaterThan(50);
  expect(layerViolations(facts)).toEqual([]);
});

test("no source file of the workspace takes part in an import cycle", () => {
  expect(importCycles(root)).toEqual([]);
});

test("the root tsconfig builds every public package", () => {
  const { references } = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8")) as {
    references: { path: string }[];
  };
  const published = workspaceFacts(root).filter(({ isPrivate }) => !isPrivate);
  expect(references.map(({ path }) => path).sort()).toEqual(published.map(({ name }) => `packages/${name}`).sort());
});

test("no package stands in two rows", () => {
  const names = layers.flat();
  expect(new Set(names).size).toBe(names.length);
});

test("arrows: down is allowed, up, sideways, unknown and injected are not", () => {
  expect(arrowViolation("deepseek", "mla")).toBeUndefined();
  expect(arrowViolation("mla", "deepseek")).toMatch(/lies above/);
  expect(arrowViolation("mla", "moe")).toMatch(/sibling/);
  expect(arrowViolation("mla", "nothing")).toMatch(/no place/);
  expect(arrowViolation("trainer", "deepseek")).toMatch(/takes "deepseek" as a function/);
});

const good: PackageFacts = {
  name: "mla",
  isPrivate: false,
  dependencies: ["@ds3/tensor"],
  devDependencies: ["@ds3/testing"],
  imports: [
    { file: "a.ts", specifier: "@ds3/tensor/reference", development: false },
    { file: "a.test.ts", specifier: "@ds3/testing", development: true },
    { file: "a.test.ts", specifier: "vitest", development: true },
  ],
  references: ["tensor"],
};
const at = (specifier: string, development = false) => [{ file: "a.ts", specifier, development }];

test.each<[string, Partial<PackageFacts>, RegExp[]]>([
  ["a sound package", {}, []],
  ["an undeclared import", { imports: at("lodash/get") }, [/a\.ts: "lodash" is not a declared/]],
  ["a test helper in a source", { imports: at("@ds3/testing") }, [/not a declared/, /lies above/]],
  ["a development tool in a source", { imports: at("vitest") }, [/"vitest" is not a declared/]],
  ["a sibling", { imports: at("@ds3/moe"), devDependencies: ["@ds3/moe"] }, [/not a declared/, /sibling/]],
  [
    "a dependency upwards",
    { dependencies: ["@ds3/tensor", "@ds3/deepseek"], references: ["tensor", "deepseek"] },
    [/lies above/],
  ],
  ["a forgotten reference", { references: [] }, [/no reference to "tensor"/]],
  ["a reference without dependency", { references: ["tensor", "errors"] }, [/"errors" is in tsconfig\.json only/]],
])("%s", (_, change, expected) => {
  const violations = layerViolations([{ ...good, ...change }]);
  expect(violations).toHaveLength(expected.length);
  for (const [i, pattern] of expected.entries()) expect(violations[i]).toMatch(pattern);
});

test("finds imports of every form and skips comments", () => {
  const source = [
    'import a from "a";',
    "import {",
    "  b,",
    '} from "b";',
    'import type { C } from "c";',
    'import "d";',
    'export * from "e";',
    'export { f } from "f";',
    `const g = await import(${JSON.stringify("g")});`,
    "/**",
    ' * import { no } from "comment";',
    " */",
    '// import no from "line";',
    'export const i = "not-an-import";',
  ].join("\n");
  expect(importSpecifiers(source)).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
});

test("finds a ring of files, and lets types pass", () => {
  const folder = mkdtempSync(join(tmpdir(), "ds3-cycle-"));
  mkdirSync(join(folder, "src"));
  const write = (name: string, text: string) => writeFileSync(join(folder, "src", name), text);
  write("a.ts", `import { b } from "./b.ts";\nexport const a = b;\n`);
  write("b.ts", `import type { a } from "./a.ts";\nexport const b: typeof a = 1;\n`);
  expect(importCycles(folder)).toEqual([]);
  write("b.ts", `import { a } from "./a.ts";\nexport const b = a;\n`);
  expect(importCycles(folder)).toEqual(["src/a.ts -> src/b.ts -> src/a.ts"]);
  rmSync(folder, { recursive: true });
});
