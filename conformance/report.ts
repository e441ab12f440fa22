import type { FixtureReport, TensorReport } from "./run-fixture.ts";

/** Entries by what became of them. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Counts the expected tensors of fixtures. */
export function countTensors(reports: readonly FixtureReport[]): Counts {
  const all = reports.flatMap(({ tensors }) => tensors);
  const count = (status: TensorReport["status"]): number => all.filter((tensor) => tensor.status === status).length;
  return { passed: count("asserted"), failed: count("failed"), skipped: count("skipped") };
}

/** The machine-readable report; numbers that JSON has not are written as words. */
export function reportJson(root: string, adapter: string | undefined, reports: readonly FixtureReport[]): string {
  const body = { folder: root, adapter: adapter ?? null, ...countTensors(reports), fixtures: reports };
  const finite = (_: string, value: unknown): unknown =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  return `${JSON.stringify(body, finite, 2)}\n`;
}

/** A row a fixture, then the failures in full. */
export function reportTable(reports: readonly FixtureReport[]): string[] {
  const head = ["fixture", "asserted", "failed", "skipped", "worst/bound", "seconds"];
  const rows = [head, ...reports.map(row)];
  const widths = head.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const lines = rows.map((cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
  );
  const failures = reports.flatMap(({ fixture, tensors }) =>
    tensors.filter(({ status }) => status === "failed").map(({ reason }) => `FAILED ${fixture}: ${reason}`),
  );
  const reasons = new Set(
    reports.flatMap(({ topic, tensors }) => tensors.flatMap((tensor) => skipLine(topic, tensor))),
  );
  return [...lines, ...(failures.length > 0 ? ["", ...failures] : []), ...(reasons.size > 0 ? ["", ...reasons] : [])];
}

function row(report: FixtureReport): string[] {
  const { passed, failed, skipped } = countTensors([report]);
  const ratios = report.tensors.flatMap(({ worst, note }) =>
    worst && !note?.startsWith("alternative") ? [worst.ratio] : [],
  );
  const worst = ratios.length > 0 ? Math.max(...ratios).toFixed(3) : "-";
  return [report.fixture, `${passed}`, `${failed}`, `${skipped}`, worst, report.seconds.toFixed(1)];
}

function skipLine(topic: string, { status, reason }: TensorReport): string[] {
  return status === "skipped" ? [`skipped, topic ${topic}: ${reason}`] : [];
}
