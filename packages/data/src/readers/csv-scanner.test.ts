import { parse } from "csv-parse/sync";
import { expect, test } from "vitest";
import { createRandom } from "../random.ts";
import { type CsvDialect, CsvScanner, DOUBLED } from "./csv-scanner.ts";

/** All records of a text, or undefined when a quote is wrong. */
function scanAll(text: string, dialect: CsvDialect): string[][] | undefined {
  const scanner = new CsvScanner(dialect);
  const records: string[][] = [];
  for (let from = 0; ; from = scanner.record.end) {
    const result = scanner.scan(text, from, true);
    if (result === "end") return records;
    if (result !== "record") return undefined;
    const { starts, ends, flags, count } = scanner.record;
    const fields = Array.from({ length: count }, (_, i) => {
      const field = text.slice(starts[i], ends[i]);
      return flags[i]! & DOUBLED ? field.replaceAll('""', '"') : field;
    });
    records.push(fields);
  }
}

function parseAll(text: string, { delimiter, quotes }: CsvDialect): string[][] | undefined {
  const options = { delimiter, quote: quotes ? '"' : null, relax_column_count: true, record_delimiter: ["\r\n", "\n"] };
  try {
    return parse(text, options) as string[][];
  } catch {
    return undefined;
  }
}

test("random text is cut as csv-parse cuts it, and refused where it refuses", () => {
  const random = createRandom({ seed: 8 });
  const units = ['"', '"', '""', ",", "\t", "\n", "\r\n", "a", "bc", " ", '","', '"\n"'];
  let [read, refused] = [0, 0];
  for (let i = 0; i < 20_000; i++) {
    const text = Array.from({ length: random.below(14) }, () => units[random.below(units.length)]).join("");
    const dialect = { delimiter: random.below(2) ? "," : "\t", quotes: random.below(4) > 0 };
    const [found, expected] = [scanAll(text, dialect), parseAll(text, dialect)];
    expect(found, JSON.stringify([text, dialect])).toEqual(expected);
    if (expected === undefined) refused++;
    else read++;
  }
  expect(Math.min(read, refused)).toBeGreaterThan(4000);
});

test("text that ends within a record is told from text that is wrong", () => {
  const scan = (text: string, isLast: boolean): string =>
    new CsvScanner({ delimiter: ",", quotes: true }).scan(text, 0, isLast);
  for (const text of ["a", "a,", '"a', '"a"', '"a""', '"a",b', "a\r", '"a"\r'])
    expect(scan(text, false), text).toBe("incomplete");
  for (const text of ["a\n", '"a"\n', '"a\n"\r\n', "\n", "a\rb\n"]) expect(scan(text, false), text).toBe("record");
  for (const text of ['a"', '"a"b', '"a" ,']) expect(scan(text, false), text).toBe("junk");
  for (const text of ["a", "a,", '"a"', "a\r"]) expect(scan(text, true), text).toBe("record");
  expect(scan('"a', true)).toBe("incomplete");
  expect(scan("", true)).toBe("end");
});
