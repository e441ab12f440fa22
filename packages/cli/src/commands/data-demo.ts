import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type DemoPackage, demoPackages } from "../demo/demo-packages.ts";
import { type DemoTextsOptions, loadDemoTexts } from "../demo/load-demo-texts.ts";
import { formatBytes, formatCount } from "../format.ts";
import type { Terminal } from "../terminal.ts";
import { writeText } from "../write-text.ts";

/** A file of demo texts. */
export interface DemoFile {
  /** Name of the source. */
  readonly name: string;
  readonly path: string;
  readonly documents: number;
  readonly bytes: number;
  readonly origin: string;
  readonly licence: string;
}

/** What `ds3 data demo` makes. */
export interface DemoFiles {
  readonly config: string;
  readonly files: readonly DemoFile[];
}

/** Write the demo texts as JSON Lines, and a build file for them. */
export async function writeDemo(
  folder: string,
  terminal: Terminal,
  { packages = demoPackages, ...where }: DemoTextsOptions = {},
): Promise<DemoFiles> {
  const documents = await loadDemoTexts({ ...where, packages, onNotice: (line) => terminal.note(line) });
  await mkdir(folder, { recursive: true });
  const files: DemoFile[] = [];
  for (const { name: packageName, label: name, origin, licence } of packages) {
    const texts = documents.filter(({ source }) => source === packageName).map(({ text }) => text);
    const path = join(folder, "texts", `${name}.jsonl`);
    const lines = texts.map((text) => `${JSON.stringify({ text })}\n`).join("");
    await writeText(path, lines);
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    files.push({ name, path, documents: texts.length, bytes, origin, licence });
  }
  const config = join(folder, "build.json");
  await writeText(config, `${JSON.stringify(demoConfig(folder, files, packages), null, 2)}\n`);
  return { config, files };
}

/** `ds3 data demo`. */
export async function dataDemo(folder: string, terminal: Terminal): Promise<void> {
  const demo = await writeDemo(folder, terminal);
  terminal.document(demo);
  for (const { path, documents, bytes, origin, licence } of demo.files) {
    terminal.print(`${path}: ${formatCount(documents)} documents, ${formatBytes(bytes)}. ${origin}; ${licence}.`);
  }
  terminal.print(`\nBuild them with: ds3 data build ${demo.config}`);
}

function demoConfig(folder: string, files: readonly DemoFile[], packages: readonly DemoPackage[]): object {
  return {
    out: join(folder, "shards"),
    tokenizer: { vocabSize: 6400 },
    sources: files.map(({ name, path }, i) => {
      const { language } = packages[i]!;
      return { name, paths: path, ...(language === undefined ? {} : { language }) };
    }),
    shardTokens: 2 ** 21,
  };
}
