import { didYouMean } from "@ds3/errors";
import { KernelTableError } from "./errors.ts";
import { FLASH_VARIANTS } from "./flash-attention-plan.ts";
import { type KernelRequest, TABLE_OPS } from "./kernel-request.ts";
import { MATMUL_VARIANTS } from "./matmul-variants.ts";

/**
 * Which kernel is fastest on one adapter for the shapes that were measured there: what `tuneKernels` finds and `openGpu`
 * takes. Plain JSON. A class without an entry runs the default.
 */
export interface KernelTable {
  /** `KERNEL_TABLE_VERSION`: of the format and of how shapes are put into classes. */
  readonly version: number;
  /** Name of the adapter that it was measured on. */
  readonly adapter: string;
  /** Variant ids by `kernelClass`. */
  readonly entries: Readonly<Record<string, string>>;
}

/** Of the tables that this package writes and reads. */
export const KERNEL_TABLE_VERSION = 1;

/**
 * Of the default choice of kernels and the order of their sums: raised when a release changes either, so that a run that
 * is resumed with other kernels can tell.
 */
export const DEFAULT_KERNELS_VERSION = 2;

/**
 * Reads a table from JSON text or from what `JSON.parse` gave.
 *
 * @throws KernelTableError when it is malformed, of another version, or names a variant that there is not.
 */
export function parseKernelTable(source: unknown): KernelTable {
  const value = typeof source === "string" ? fromJson(source) : source;
  if (!isObject(value)) throw malformed("table", "an object", typeof value);
  const { version, adapter, entries } = value;
  if (version !== KERNEL_TABLE_VERSION) throw malformed("version", `${KERNEL_TABLE_VERSION}`, JSON.stringify(version));
  if (typeof adapter !== "string") throw malformed("adapter", "the name of an adapter", JSON.stringify(adapter));
  if (!isObject(entries)) throw malformed("entries", "an object", JSON.stringify(entries));
  for (const [name, id] of Object.entries(entries)) assertEntry(name, id);
  return { version, adapter, entries: sorted(entries as Record<string, string>) };
}

/** The table as text, the same for the same choices: entries in the order of their names, one a line. */
export function serializeKernelTable({ version, adapter, entries }: KernelTable): string {
  return `${JSON.stringify({ version, adapter, entries: sorted(entries) }, null, 2)}\n`;
}

/** 16 hexadecimal digits that tell tables apart (FNV-1a of 64 bits over the text of `serializeKernelTable`). */
export function kernelTableFingerprint(table: KernelTable): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(serializeKernelTable(table))) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}

/** @throws KernelTableError when a table is not valid or was measured on another adapter. */
export function assertKernelTable(table: KernelTable, adapter: string): KernelTable {
  const checked = parseKernelTable(table);
  if (checked.adapter === adapter) return checked;
  throw new KernelTableError({
    op: "openGpu",
    operand: "kernelTable",
    expected: `a table that was measured on ${adapter}`,
    actual: `one of ${checked.adapter}`,
    hint: "Run `pnpm tune` (or tuneKernels) on this adapter, or open it without a table.",
  });
}

function assertEntry(name: string, id: unknown): void {
  const op = TABLE_OPS.find((known) => name.startsWith(`${known} `));
  if (op === undefined) {
    const known = `a class of one of ${TABLE_OPS.join(", ")}`;
    throw malformed("entries", known, JSON.stringify(name));
  }
  if (variantIds(op).includes(id as string)) return;
  throw new KernelTableError({
    op: "parseKernelTable",
    operand: `entries["${name}"]`,
    expected: `a kernel of this release: ${variantIds(op).join(", ")}`,
    actual: JSON.stringify(id),
    hint: `${didYouMean(`${id}`, variantIds(op))} Or run \`pnpm tune\` again.`,
  });
}

function variantIds(op: KernelRequest["op"]): readonly string[] {
  return op === "matmul" ? MATMUL_VARIANTS.map(({ id }) => id) : FLASH_VARIANTS;
}

function sorted(entries: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw malformed("table", "JSON", (cause as Error).message);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(operand: string, expected: string, actual: string): KernelTableError {
  const hint = "Write the table with `pnpm tune` (or tuneKernels and serializeKernelTable) of this release.";
  return new KernelTableError({ op: "parseKernelTable", operand, expected, actual, hint });
}
