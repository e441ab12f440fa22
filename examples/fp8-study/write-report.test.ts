import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Protocol, StudyResults } from "./results.ts";
import { studyPlan } from "./study-config.ts";
import { emptySections, writeReport } from "./write-report.ts";

const names = [
  ...["verdict", "verdictContinued", "pairs", "sizes", "control", "diagnosis", "rounding", "continued"],
  ...["outliers", "outliersContinued", "planted", "promotion"],
];
const place = (name: string, body: string): string => `text\n\n<!-- ${name} -->\n\n${body}\n\n<!-- /${name} -->\n`;
const nothing: Protocol = { pairs: [], baselines: [], controls: [], ablation: [] };
const results: StudyResults = {
  plan: studyPlan,
  ...{ scratch: nothing, continued: nothing, repeats: [], diagnosis: [] },
  ...{ rounding: [{ seed: 0, f32: 4, bf16: 4, fp8: 4 }], planted: undefined, promotion: undefined },
};

let folder: string;
let template: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-example-"));
  template = join(folder, "fp8-study.md");
  await writeFile(template, names.map((name) => place(name, "of an earlier study")).join("\n"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("a page elsewhere has nothing of the template's figures, and the command names its empty places", async () => {
  const other = join(folder, "other");
  const lines = await writeReport(template, other, results);
  const page = await readFile(join(other, "fp8-study.md"), "utf8");
  expect(page).not.toContain("earlier");
  expect(page).toContain("Rounding alone");
  const empty = names.filter((name) => name !== "rounding" && name !== "sizes");
  expect(emptySections(page)).toEqual(empty);
  expect(lines).toEqual([`${join(other, "fp8-study.md")} has no figures yet for: ${empty.join(", ")}`]);
});

test("the template itself keeps what is not measured again", async () => {
  expect(await writeReport(template, folder, results)).toEqual([]);
  const page = await readFile(template, "utf8");
  expect(page.match(/of an earlier study/g)).toHaveLength(names.length - 2);
  expect(emptySections(page)).toEqual([]);
});

test("a template without a place is refused", async () => {
  await writeFile(
    template,
    names
      .slice(1)
      .map((name) => place(name, ""))
      .join("\n"),
  );
  await expect(writeReport(template, join(folder, "other"), results)).rejects.toThrow(
    /<!-- verdict --> and <!-- \/verdict -->/,
  );
});
