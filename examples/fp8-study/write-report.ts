import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@ds3/errors";
import { writeFileWhole } from "@ds3/trainer";
import { drawStudy } from "./draw-study.ts";
import { reportSections } from "./report-sections.ts";
import type { StudyResults } from "./results.ts";

/**
 * Fills the figures into the text `template`, between `<!-- name -->` and `<!-- /name -->`, and writes it beside its drawing
 * into `folder`. What is not measured yet stays as the template has it. Gives the lines that say what holds.
 *
 * @throws FormatError when a section has no place in the template.
 */
export async function writeReport(template: string, folder: string, results: StudyResults): Promise<readonly string[]> {
  const { verdict, ...sections } = reportSections(results);
  let text = await readFile(template, "utf8");
  for (const [name, lines] of Object.entries({ verdict, ...sections })) {
    if (lines.length > 0) text = fillSection(text, name, lines.join("\n"), template);
  }
  await mkdir(folder, { recursive: true });
  await writeFileWhole(join(folder, "fp8-study.svg"), Buffer.from(drawStudy(results)));
  await writeFileWhole(join(folder, "fp8-study.md"), Buffer.from(text));
  return verdict;
}

function fillSection(text: string, name: string, body: string, path: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start >= 0 && end >= start) return `${text.slice(0, start + open.length)}\n\n${body}\n\n${text.slice(end)}`;
  throw new FormatError({ op: "fp8-study", operand: path, expected: `${open} and ${close}`, actual: "not both" });
}
