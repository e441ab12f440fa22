import { mkdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FormatError } from "@ds3/errors";
import { writeFileWhole } from "@ds3/trainer";
import { drawStudy } from "./draw-study.ts";
import { reportSections } from "./report-sections.ts";
import type { StudyResults } from "./results.ts";

/**
 * Fills the figures into the text `template`, between `<!-- name -->` and `<!-- /name -->`, and writes it beside its drawing
 * into `folder`. What is not measured yet is empty there; only the template itself keeps what it has. Gives the lines that
 * say what holds, and which places of the page are empty.
 *
 * @throws FormatError when a section has no place in the template.
 */
export async function writeReport(template: string, folder: string, results: StudyResults): Promise<readonly string[]> {
  const sections = reportSections(results);
  const isTemplate = resolve(folder) === dirname(resolve(template));
  let text = await readFile(template, "utf8");
  for (const [name, lines] of Object.entries(sections) as [string, readonly string[]][]) {
    if (lines.length > 0 || !isTemplate) text = fillSection(text, name, lines.join("\n"), template);
  }
  await mkdir(folder, { recursive: true });
  const page = join(folder, "fp8-study.md");
  await writeFileWhole(join(folder, "fp8-study.svg"), Buffer.from(drawStudy(results)));
  await writeFileWhole(page, Buffer.from(text));
  const empty = emptySections(text);
  const note = empty.length > 0 ? [`${page} has no figures yet for: ${empty.join(", ")}`] : [];
  return [...sections.verdict, ...sections.verdictContinued, ...note];
}

/** The places of a page that are not filled. */
export function emptySections(text: string): string[] {
  return [...text.matchAll(/<!-- (\w+) -->\s*<!-- \/\1 -->/g)].map(([, name]) => name!);
}

function fillSection(text: string, name: string, body: string, path: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) {
    throw new FormatError({ op: "fp8-study", operand: path, expected: `${open} and ${close}`, actual: "not both" });
  }
  const inner = body === "" ? "\n\n" : `\n\n${body}\n\n`;
  return `${text.slice(0, start + open.length)}${inner}${text.slice(end)}`;
}
