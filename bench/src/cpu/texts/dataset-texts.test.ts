import { ConfigError } from "@ds3/errors";
import { afterEach, expect, test, vi } from "vitest";
import { listDatasetFiles, textsOfLines } from "./dataset-texts.ts";

afterEach(() => vi.unstubAllEnvs());

test("texts are those of records with one, test vectors left out", () => {
  const lines = ['{"text":"a","title":"t"}', "", '{"text":"b","ids":[1]}', '{"prompt":"c"}', '{"text":"d\\n"}', ""];
  expect([...textsOfLines(lines.join("\n"))]).toEqual(["a", "d\n"]);
});

test("without data sets there are none, but a folder that was named has to be there", () => {
  vi.stubEnv("DS3_DATASETS", undefined);
  expect(listDatasetFiles("/nowhere/at/all")).toEqual([]);
  vi.stubEnv("DS3_DATASETS", "/nowhere/at/all");
  expect(() => listDatasetFiles("/")).toThrow(expect.toSatisfy((error) => ConfigError.is(error)));
});
