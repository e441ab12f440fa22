import { dirname } from "node:path";
import type { Gpu } from "@ds3/tensor";
import { loadFixture } from "@ds3/testing/fixtures";
import { type Comparison, compare, type Expectation, type Worst } from "./compare.ts";
import { type Expectations, expectedNames, tableExpectations, tensorExpectations } from "./expectations.ts";
import type { FixtureJson, FoundFixture } from "./find-fixtures.ts";
import type { Produced, Result, TopicRunner } from "./topic.ts";

/** What became of one expected tensor or table. */
export interface TensorReport {
  readonly name: string;
  readonly role: string;
  readonly status: "asserted" | "failed" | "skipped";
  /** Why it failed or was skipped. */
  readonly reason?: string;
  /** In which ways it was computed. */
  readonly via?: readonly string[];
  readonly worst?: Worst;
  readonly note?: string;
}

/** What became of a fixture. */
export interface FixtureReport {
  readonly fixture: string;
  readonly topic: string;
  readonly seconds: number;
  readonly tensors: readonly TensorReport[];
}

/** Runs one fixture: every expected tensor ends up asserted, failed or skipped with the reason. */
export async function runFixture(
  found: FoundFixture,
  topic: TopicRunner | string,
  openGpu: () => Promise<Gpu>,
): Promise<FixtureReport> {
  const start = performance.now();
  const tensors =
    typeof topic === "string"
      ? expectedNames(found.json).map((expected) => ({ ...expected, status: "skipped" as const, reason: topic }))
      : await assertFixture(found, topic, openGpu);
  const seconds = (performance.now() - start) / 1000;
  const nothing: TensorReport = { name: "", role: "none", status: "failed", reason: "the fixture expects nothing" };
  return { fixture: found.name, topic: found.topic, seconds, tensors: tensors.length > 0 ? tensors : [nothing] };
}

async function assertFixture(
  found: FoundFixture,
  runner: TopicRunner,
  openGpu: () => Promise<Gpu>,
): Promise<TensorReport[]> {
  let expectations: Expectations = { expected: [], faults: [] };
  try {
    const fixture = found.hasTensors ? loadFixture(found.base) : undefined;
    expectations = fixture ? tensorExpectations(found.json, fixture) : tableExpectations(found.json);
    const tensors = (): ReturnType<typeof loadFixture> => {
      if (fixture) return fixture;
      throw new Error(`${found.name} holds tables, no tensors`);
    };
    const meta = { ...found.json, config: (found.json.config ?? {}) as FixtureJson };
    const produced = await runner({ meta, folder: dirname(found.base), tensors }, openGpu);
    const reports = expectations.expected.map((expectation) => assertTensor(expectation, produced));
    return [...settleVariants(expectations.expected, reports), ...faultReports(expectations)];
  } catch (error) {
    const reason = `the runner failed: ${(error as Error).message}`;
    return expectedNames(found.json).map((expected) => ({ ...expected, status: "failed", reason }));
  }
}

function faultReports({ faults }: Expectations): TensorReport[] {
  return faults.map((fault) => ({ ...fault, status: "failed" }));
}

function assertTensor(expectation: Expectation, produced: Produced): TensorReport {
  const { name, role } = expectation;
  const results = produced.get(name) ?? [];
  // Parts alone leave elements that nobody looked at.
  if (!results.some(({ at }) => at === undefined)) {
    return { name, role, status: "failed", reason: `${name}: not asserted, the runner did not compute it` };
  }
  const comparisons = results.map((result) => compare(result, expectation));
  const reasons = comparisons.flatMap(({ reason }) => (reason === undefined ? [] : [reason]));
  const outcome =
    reasons.length > 0 ? { status: "failed" as const, reason: reasons.join("; ") } : { status: "asserted" as const };
  return { name, role, ...outcome, ...details(results, comparisons) };
}

function details(results: readonly Result[], comparisons: readonly Comparison[]): Partial<TensorReport> {
  const worst = comparisons.flatMap((comparison) => comparison.worst ?? []).sort((a, b) => b.ratio - a.ratio)[0];
  const unbounded = comparisons.reduce((sum, comparison) => sum + comparison.unbounded, 0);
  return {
    via: results.map(({ via }) => via),
    ...(worst ? { worst } : {}),
    ...(unbounded > 0 ? { note: `${unbounded} elements without a stated tolerance: only finite` } : {}),
  };
}

/**
 * Where a fixture gives alternatives, the code under test must match one of them as a whole: then the others' misses are
 * no failures, and every entry says which one matched.
 */
function settleVariants(expected: readonly Expectation[], reports: readonly TensorReport[]): TensorReport[] {
  const variants = new Map<string, TensorReport[]>();
  expected.forEach(({ variant }, i) => {
    if (variant !== undefined) variants.set(variant, [...(variants.get(variant) ?? []), reports[i]!]);
  });
  const largest = Math.max(0, ...[...variants.values()].map(({ length }) => length));
  const matched = [...variants].find(
    ([, members]) => members.length === largest && members.every(({ status }) => status === "asserted"),
  )?.[0];
  return reports.map((report, i) => {
    const { variant } = expected[i]!;
    if (variant === undefined || matched === undefined) return report;
    const { reason, ...rest } = report;
    if (variant === matched) return { ...rest, note: `the alternative that holds: ${matched}` };
    return {
      ...rest,
      status: "asserted",
      note: `alternative to ${matched}, which holds as a whole${reason ? `; ${reason}` : ""}`,
    };
  });
}
