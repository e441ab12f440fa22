import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { ConfigError } from "@ds3/errors";
import { afterAll, expect, test } from "vitest";
import { assertOtherFolder } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "ds3-example-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const model = join(folder, "run", "model");
mkdirSync(model, { recursive: true });
symlinkSync(join(folder, "run"), join(folder, "link"), "junction");

test.each([
  ["as it is", model],
  ["with a slash", `${model}/`],
  ["relative", relative(process.cwd(), model)],
  ["by a link", join(folder, "link", "model")],
])("the model that a run starts from is not written over: %s", (_, given) => {
  const refused = () => assertOtherFolder(given, join(folder, "other", "model"), model);
  expect(refused).toThrow(ConfigError);
  expect(refused).toThrow(/: --out: expected .*--model.*Give another --out/s);
});

test("other folders are fine, there or not", () => {
  expect(() => assertOtherFolder(model, join(folder, "other", "model"), join(folder, "run"))).not.toThrow();
});
