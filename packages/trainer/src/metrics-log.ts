import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

/** A JSONL file of records with a `step`, one line each. */
export interface MetricsLog {
  append(record: { readonly step: number }): void;
  /** Drops records of steps after `step`, which a resumed run will write again, and a killed run's half-written line. */
  rewind(step: number): void;
}

/** A metrics file; it is created at the first record. */
export function openMetricsLog(path: string): MetricsLog {
  return {
    append: (record) => appendFileSync(path, `${JSON.stringify(record)}\n`),
    rewind(step) {
      if (!existsSync(path)) return;
      const kept = readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => stepOf(line) <= step);
      writeFileSync(`${path}.tmp`, kept.map((line) => `${line}\n`).join(""));
      renameSync(`${path}.tmp`, path);
    },
  };
}

/** The step of a line, infinite for one that is no record. */
function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as { step: number }).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
