import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { NoSoftwareGpuError } from "./errors.ts";
import { requireChecksum } from "./fetch-swiftshader.ts";

const folder = await mkdtemp(join(tmpdir(), "ds3-swiftshader-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a file with the pinned sha512 passes, one changed byte does not", async () => {
  // sha512("abc") of FIPS 180-4, in base64
  const pinned = "3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
  const file = join(folder, "package.tgz");
  await writeFile(file, "abc");
  await requireChecksum(file, pinned);
  await writeFile(file, "abd");
  const failure = await requireChecksum(file, pinned).catch((error: unknown) => error);
  expect(NoSoftwareGpuError.is(failure)).toBe(true);
  expect(String(failure)).toContain("do not use it");
});
