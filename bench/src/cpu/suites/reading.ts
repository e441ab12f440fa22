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
const ROWS_OF_A_GROUP = 1000;

/** Files of one column of text and one of numbers, the same in each format, read document by document. */
export async function* benchReading({ texts, scratch }: TextInput): AsyncGenerator<CpuFigure> {
  const rows = Array.from({ length: COPIES }, () => TEXT_KINDS.flatMap((kind) => texts[kind])).flat();
  const bytes = bytesOf(rows);
  const size = `${(bytes / 1e6).toFixed(0)} MB of text in ${rows.length} documents`;
  for (const [format, content] of Object.entries(files(rows))) {
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

function files(rows: readonly string[]): Readonly<Record<"jsonl" | "csv" | "parquet", () => string | Uint8Array>> {
  const ids = rows.map((_, id) => id);
  return {
    jsonl: () => rows.map((text, id) => `${JSON.stringify({ id, text })}\n`).join(""),
    csv: () => `id,text\n${rows.map((text, id) => `${id},"${text.replaceAll('"', '""')}"\n`).join("")}`,
    parquet: () => {
      const columnData = [
        { name: "id", data: ids, type: "INT32" as const },
        { name: "text", data: [...rows], type: "STRING" as const },
      ];
      return new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: ROWS_OF_A_GROUP }));
    },
  };
}

async function measured(path: string, documents: number): ReturnType<typeof measureReading> {
  const figures = await measureReading([path]);
  if (figures.documents === documents) return figures;
  const actual = String(figures.documents);
  throw new MeasurementError({ op: "bench", operand: path, expected: `${documents} documents`, actual });
}
