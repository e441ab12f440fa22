import { expect, test } from "vitest";
import { parseOsRelease } from "./os-release.ts";

test("quoted, single-quoted and bare values are read", () => {
  const text = `PRETTY_NAME="Ubuntu 24.04.1 LTS"\nID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME='noble'\n# ID=no\n`;
  expect(parseOsRelease(text)).toEqual({ id: "ubuntu", versionId: "24.04", codename: "noble" });
});

test("missing fields are empty, a missing ID is linux as os-release(5) says", () => {
  expect(parseOsRelease("ID_LIKE=arch\n")).toEqual({ id: "linux", versionId: "", codename: "" });
});
