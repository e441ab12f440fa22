import type { Fixture } from "@ds3/testing/fixtures";
import { toFloat64 } from "@ds3/testing/fixtures";
import type { Expectation } from "./compare.ts";
import type { FixtureJson } from "./find-fixtures.ts";
import { fp8Criterion } from "./fp8-criterion.ts";
import { both, exact, parseBf16Tolerance, parseRowTolerance, parseTolerance } from "./tolerance.ts";

/** What a fixture expects, and what of it cannot be understood: that is a failure, not silence. */
export interface Expectations {
  readonly expected: readonly Expectation[];
  readonly faults: readonly { readonly name: string; readonly role: string; readonly reason: string }[];
}

/** Name and role of everything that a fixture expects: its tensors of an expected role, or its tables. */
export function expectedNames(json: FixtureJson): { readonly name: string; readonly role: string }[] {
  if (json.tensors) {
    return Object.entries(json.tensors as Record<string, { role?: string }>)
      .map(([name, { role = "none" }]) => ({ name, role }))
      .filter(({ role }) => role !== "input" && role !== "info");
  }
  return tablesOf(json).map(({ name }) => ({ name, role: "expected" }));
}

/** Expectations of a fixture with tensors. */
export function tensorExpectations(json: FixtureJson, fixture: Fixture): Expectations {
  const expected: Expectation[] = [];
  const faults: { name: string; role: string; reason: string }[] = [];
  for (const { name, role } of expectedNames(json)) {
    try {
      expected.push(tensorExpectation(json, fixture, name, role));
    } catch (error) {
      faults.push({ name, role, reason: (error as Error).message });
    }
  }
  const stated = Object.keys(json.tensors as object);
  for (const name of fixture.names) {
    if (!stated.includes(name)) faults.push({ name, role: "none", reason: "stored, but the JSON states no role" });
  }
  return { expected, faults };
}

/** Expectations of a fixture whose values are tables: rows of named columns, one of them expected. */
export function tableExpectations(json: FixtureJson): Expectations {
  const expected: Expectation[] = [];
  const faults: { name: string; role: string; reason: string }[] = [];
  for (const { name, rows } of tablesOf(json)) {
    const columns = Object.keys(rows[0]!).filter((column) => !INPUT_COLUMNS.includes(column));
    const want = rows.map((row) => row[columns[0] ?? ""]);
    if (columns.length !== 1 || !want.every((value) => typeof value === "number")) {
      faults.push({
        name,
        role: "expected",
        reason: `one expected column of numbers needed, got ${columns.join(", ")}`,
      });
      continue;
    }
    const shape = [rows.length];
    const criterion = parseTolerance(json.tolerance, shape);
    expected.push({ name, role: "expected", shape, want: want as number[], criterion });
  }
  return { expected, faults };
}

/** A table: an array of objects in the JSON, at the top or one level below. */
export interface Table {
  /** Path of keys, joined by dots. */
  readonly name: string;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** The tables of a fixture without tensors. */
export function tablesOf(json: FixtureJson, prefix = ""): Table[] {
  return Object.entries(json).flatMap(([key, value]): Table[] => {
    if (Array.isArray(value)) {
      const isTable = value.length > 0 && value.every((row) => typeof row === "object" && row !== null);
      return isTable ? [{ name: prefix + key, rows: value }] : [];
    }
    const isSection = prefix === "" && typeof value === "object" && value !== null;
    return isSection ? tablesOf(value as FixtureJson, `${key}.`) : [];
  });
}

const INPUT_COLUMNS = ["step", "tokens", "fraction"];

function tensorExpectation(json: FixtureJson, fixture: Fixture, name: string, role: string): Expectation {
  const { dtype, shape } = fixture.tensor(name);
  const stated = (json.tensors as Record<string, { shape?: readonly number[] }>)[name]!.shape;
  if (`${stated}` !== `${shape}`) throw new Error(`stored as [${shape.join(", ")}], stated as [${stated?.join(", ")}]`);
  if (role === "expected_exact") {
    const criterion = json.topic === "fp8" ? fp8Criterion(json, name, dtype) : exact;
    return { name, role, shape, want: exactValues(fixture, name), criterion };
  }
  if (role !== "expected") throw new Error(`role "${role}" is not understood`);
  const want = toFloat64(fixture.tensor(name));
  const variant = json.bf16_tolerance ? /^(bf16_\w+)\.(\w+)/.exec(name) : null;
  if (variant) {
    const criterion = parseBf16Tolerance(json.bf16_tolerance, variant[2] === "trajectory", want);
    return { name, role, shape, want, criterion, variant: variant[1]! };
  }
  const criterion = statedTolerance(json, name, shape);
  if (json.row_rtol === undefined) return { name, role, shape, want, criterion };
  return { name, role, shape, want, criterion: both(criterion, parseRowTolerance(json.row_rtol, shape, want)) };
}

/** Values that must be equal: integers and codes as they are stored, floats in double. */
function exactValues(fixture: Fixture, name: string): ArrayLike<number> {
  const { dtype, data } = fixture.tensor(name);
  return dtype === "I32" || dtype === "U8" ? (data as Int32Array | Uint8Array) : fixture.f64(name);
}

/** `tolerance`, and where it allows for angles in f32 also the one for tables in double, which ours are. */
function statedTolerance(json: FixtureJson, name: string, shape: readonly number[]) {
  const stated = parseTolerance((json.tolerance as FixtureJson | undefined)?.[name], shape);
  const tighter = (json.tolerance_double_angles as FixtureJson | undefined)?.[name];
  return tighter === undefined ? stated : both(stated, parseTolerance(tighter, shape));
}
