import { StateError } from "@ds3/errors";

/** What one dispatch does, as its op counts it. */
export interface Work {
  /** Floating-point operations; a multiply-add counts as two. */
  readonly flops?: number;
  /** Bytes read and written. Default: each operand once. */
  readonly bytes?: number;
}

/** Receives the label of each timed dispatch and hands out its pair of timestamps. */
export interface PassTimer {
  next(label: string, work: Required<Work>): GPUComputePassTimestampWrites;
  resolve(encoder: GPUCommandEncoder): void;
}

/** One row of a profile: all dispatches of one kernel label. */
export interface ProfileRow extends Required<Work> {
  readonly label: string;
  readonly calls: number;
  readonly milliseconds: number;
  /** Share of the sum of all rows, 0 to 1. */
  readonly share: number;
}

/** What an adapter reaches at best, e.g. as `measurePeak` finds it. */
export interface Peak {
  readonly gigaflopsPerSecond: number;
  readonly gigabytesPerSecond: number;
}

/** Time per kernel label. */
export interface Profile {
  readonly rows: readonly ProfileRow[];
  readonly milliseconds: number;
  /** The table, slowest first, with GFLOP/s and GB/s of each kernel; the last line is the peak, when given. */
  toString(peak?: Peak): string;
}

/** GPUBufferUsage.QUERY_RESOLVE | COPY_SRC and MAP_READ | COPY_DST. */
const RESOLVE = 512 | 4;
const READ_BACK = 1 | 8;
/** Timestamps of one query set: WebGPU allows 4096. */
const CAPACITY = 4096;

interface QuerySet {
  readonly set: GPUQuerySet;
  readonly resolved: GPUBuffer;
  readonly readBack: GPUBuffer;
  used: number;
}

type Totals = Omit<ProfileRow, "label" | "share">;

/** Collects timestamp pairs, one compute pass a dispatch, in as many query sets as it takes. */
export class TimestampTimer implements PassTimer {
  readonly #device: GPUDevice;
  readonly #timed: { readonly label: string; readonly work: Required<Work> }[] = [];
  readonly #sets: QuerySet[] = [];
  #unresolved = 0;

  constructor(device: GPUDevice) {
    if (!device.features.has("timestamp-query")) {
      const expected = "an adapter with timestamp-query";
      throw new StateError({ op: "profile", operand: "device", expected, actual: "one without" });
    }
    this.#device = device;
  }

  next(label: string, work: Required<Work>): GPUComputePassTimestampWrites {
    let current = this.#sets.at(-1);
    if (!current || current.used === CAPACITY) {
      current = {
        set: this.#device.createQuerySet({ type: "timestamp", count: CAPACITY }),
        resolved: this.#device.createBuffer({ size: CAPACITY * 8, usage: RESOLVE }),
        readBack: this.#device.createBuffer({ size: CAPACITY * 8, usage: READ_BACK }),
        used: 0,
      };
      this.#sets.push(current);
    }
    this.#timed.push({ label, work });
    current.used += 2;
    return {
      querySet: current.set,
      beginningOfPassWriteIndex: current.used - 2,
      endOfPassWriteIndex: current.used - 1,
    };
  }

  resolve(encoder: GPUCommandEncoder): void {
    for (const { set, resolved, readBack, used } of this.#sets.slice(this.#unresolved)) {
      encoder.resolveQuerySet(set, 0, used, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, readBack, 0, used * 8);
    }
    this.#unresolved = Math.max(0, this.#sets.length - 1);
  }

  /** Reads the timestamps; all passes must have been submitted. Frees the query sets. */
  async read(): Promise<Profile> {
    const totals = new Map<string, Totals>();
    let index = 0;
    for (const { set, resolved, readBack, used } of this.#sets) {
      await readBack.mapAsync(1);
      const stamps = new BigUint64Array(readBack.getMappedRange(0, used * 8).slice(0));
      for (let i = 0; i < used; i += 2) {
        const { label, work } = this.#timed[index++]!;
        totals.set(label, plus(totals.get(label), work, Number(stamps[i + 1]! - stamps[i]!) / 1e6));
      }
      for (const resource of [set, resolved, readBack]) resource.destroy();
    }
    return createProfile(totals);
  }
}

function plus(row: Totals | undefined, { flops, bytes }: Required<Work>, milliseconds: number): Totals {
  return {
    calls: (row?.calls ?? 0) + 1,
    milliseconds: (row?.milliseconds ?? 0) + milliseconds,
    flops: (row?.flops ?? 0) + flops,
    bytes: (row?.bytes ?? 0) + bytes,
  };
}

function createProfile(totals: ReadonlyMap<string, Totals>): Profile {
  const milliseconds = [...totals.values()].reduce((sum, row) => sum + row.milliseconds, 0);
  const rows = [...totals]
    .map(([label, row]) => ({ label, ...row, share: milliseconds === 0 ? 0 : row.milliseconds / milliseconds }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
  return { rows, milliseconds, toString: (peak) => formatProfile(rows, milliseconds, peak) };
}

function formatProfile(rows: readonly ProfileRow[], total: number, peak?: Peak): string {
  const width = Math.max(6, ...rows.map(({ label }) => label.length));
  const line = (label: string, ...cells: readonly string[]): string =>
    [label.padEnd(width), ...cells.map((cell) => cell.padStart(10))].join("").trimEnd();
  /** 1e9 a second; empty where nothing was counted. */
  const rate = (amount: number, ms: number): string => (amount > 0 && ms > 0 ? (amount / ms / 1e6).toFixed(2) : "");
  return [
    line("kernel", "calls", "ms", "share", "GFLOP/s", "GB/s"),
    ...rows.map(({ label, calls, milliseconds: ms, share, flops, bytes }) =>
      line(label, `${calls}`, ms.toFixed(3), `${(share * 100).toFixed(1)}%`, rate(flops, ms), rate(bytes, ms)),
    ),
    line("total", "", total.toFixed(3)),
    ...(peak ? [line("peak", "", "", "", peak.gigaflopsPerSecond.toFixed(2), peak.gigabytesPerSecond.toFixed(2))] : []),
  ].join("\n");
}
