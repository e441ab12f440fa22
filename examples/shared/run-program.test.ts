import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "ds3-example-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, "program.mts");
const user = join(folder, "user");
mkdirSync(user);
const module = (path: string): string => JSON.stringify(pathToFileURL(join(import.meta.dirname, path)).href);
writeFileSync(
  program,
  `import { runProgram } from ${module("run-program.ts")};
import { ConfigError } from ${module("../../packages/errors/src/index.ts")};
await runProgram(import.meta, async ([word]) => {
  if (word === "refuse") throw new ConfigError({ op: "program", operand: "word", expected: "another", actual: word });
  if (word === "break") throw new TypeError("not foreseen");
  console.log(process.cwd(), word);
});`,
);

function start(word: string, cwd: string, INIT_CWD: string | undefined) {
  const hooks = pathToFileURL(join(import.meta.dirname, "../../scripts/source-hooks.mjs")).href;
  const { INIT_CWD: _, ...others } = process.env;
  const env = INIT_CWD === undefined ? others : { ...others, INIT_CWD };
  return spawnSync(process.execPath, ["--import", hooks, program, word], { cwd, env, encoding: "utf8" });
}

test("started by pnpm -C, paths are the user's; started by hand, the folder stays", () => {
  expect(start("hello", folder, user).stdout).toBe(`${user} hello\n`);
  expect(start("hello", user, undefined).stdout).toBe(`${user} hello\n`);
  expect(start("hello", user, folder).stdout).toBe(`${user} hello\n`);
});

test("an error of ds3 is one message, another has its stack; both end with code 1", () => {
  const refused = start("refuse", folder, undefined);
  expect([refused.status, refused.stderr]).toEqual([1, "ConfigError: program: word: expected another, got refuse.\n"]);
  const broken = start("break", folder, undefined);
  expect(broken.status).toBe(1);
  expect(broken.stderr).toMatch(/TypeError: not foreseen\n {4}at /);
});
