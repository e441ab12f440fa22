import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { measureReading } from "@ds3/data/node";
import { parquetWriteBuffer } from "hyparquet-writer";
import { median } from "../../figure.ts";
import { MeasurementError } from "../measurement-error.ts";
import type { CpuFigure, TextInput } from "../suite-messages.ts";
import { bytesOf } from "../texts/select-texts.ts";
import { TEXT_KINDS } from "../texts/text-kind.ts";

/** The texts come so many times, so that opening a file counts for little; readers remember nothing of what they read. */
const COPIES = 8;
const REPEATS = 5;
/** Code points of a document: an average web page. */
const LENGTH = 2000;

/** Files of one column of text and one of numbers, the same in each format, read document by document. */
export async function* benchReading({ texts, scratch }: TextInput): AsyncGenerator<CpuFigure> {
  const parts = TEXT_KINDS.flatMap((kind) => texts[kind]).flatMap((text) => text.match(PART) ?? []);
  const distinct = [...new Set(parts.filter((part) => part.trim() !== ""))];
  const rows = Array.from({ length: COPIES }, () => distinct).flat();
  const bytes = bytesOf(rows);
  const size = `${(bytes / 1e6).toFixed(0)} MB of text in ${rows.length} documents`;
  for (const [format, content] of Object.entries(files(rows, distinct.length))) {
    const path = join(scratch, `texts.${format}`);
    await writeFile(path, content());
    const seconds: number[] = [];
    for (let i = 0; i <= REPEATS; i++) seconds.push((await measured(path, rows.length)).seconds);
    const value = bytes / 1e6 / median(seconds.slice(1));
    yield {
      name: `data.read.${format}`,
      value,
      unit: "MB/s",
      note: `${size}${format === "parquet" ? ", Snappy" : ""}`,
    };
  }
}

const PART = new RegExp(`[^]{1,${LENGTH}}`, "gu");

/** No text is twice in a row group, which Parquet would store once. */
function files(
  rows: readonly string[],
  rowGroupSize: number,
): Readonly<Record<"jsonl" | "csv" | "parquet", () => string | Uint8Array>> {
  const ids = rows.map((_, id) => id);
  return {
    jsonl: () => rows.map((text, id) => `${JSON.stringify({ id, text })}\n`).join(""),
    csv: () => `id,text\n${rows.map((text, id) => `${id},"${text.replaceAll('"', '""')}"\n`).join("")}`,
    parquet: () => {
      const columnData = [
        { name: "id", data: ids, type: "INT32" as const },
        { name: "text", data: [...rows], type: "STRING" as const },
      ];
      return new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize }));
    },
  };
}

async function measured(path: string, documents: number): ReturnType<typeof measureReading> {
  const figures = await measureReading([path]);
  if (figures.documents === documents) return figures;
  const actual = String(figures.documents);
  throw new MeasurementError({ op: "bench", operand: path, expected: `${documents} documents`, actual });
}
