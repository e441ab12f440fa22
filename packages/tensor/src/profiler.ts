/** Receives the label of each timed dispatch and hands out its pair of timestamps. */
export interface PassTimer {
  next(label: string): GPUComputePassTimestampWrites;
  resolve(encoder: GPUCommandEncoder): void;
}

/** One row of a profile: all dispatches of one kernel label. */
export interface ProfileRow {
  readonly label: string;
  readonly calls: number;
  readonly milliseconds: number;
  /** Share of the sum of all rows, 0 to 1. */
  readonly share: number;
}

/** Time per kernel label. `toString()` prints the table, slowest first. */
export interface Profile {
  readonly rows: readonly ProfileRow[];
  readonly milliseconds: number;
  toString(): string;
}

/** GPUBufferUsage.QUERY_RESOLVE and MAP_READ | COPY_DST; COPY_SRC is 4. */
const QUERY_RESOLVE = 512;
const COPY_SRC = 4;
const READ_BACK = 1 | 8;
/** Timestamps of one query set: WebGPU allows 4096. */
const CAPACITY = 4096;

/** Collects timestamp pairs, one compute pass a dispatch, in as many query sets as it takes. */
export class TimestampTimer implements PassTimer {
  readonly #device: GPUDevice;
  readonly #labels: string[] = [];
  readonly #sets: { set: GPUQuerySet; readBack: GPUBuffer; used: number }[] = [];
  #unresolved = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  next(label: string): GPUComputePassTimestampWrites {
    let current = this.#sets.at(-1);
    if (!current || current.used === CAPACITY) {
      current = {
        set: this.#device.createQuerySet({ type: "timestamp", count: CAPACITY }),
        readBack: this.#device.createBuffer({ size: CAPACITY * 8, usage: READ_BACK }),
        used: 0,
      };
      this.#sets.push(current);
    }
    this.#labels.push(label);
    current.used += 2;
    return { querySet: current.set, beginningOfPassWriteIndex: current.used - 2, endOfPassWriteIndex: current.used - 1 };
  }

  resolve(encoder: GPUCommandEncoder): void {
    for (const { set, readBack, used } of this.#sets.slice(this.#unresolved)) {
      const resolved = this.#device.createBuffer({ size: CAPACITY * 8, usage: QUERY_RESOLVE | COPY_SRC });
      encoder.resolveQuerySet(set, 0, used, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, readBack, 0, used * 8);
    }
    this.#unresolved = Math.max(0, this.#sets.length - 1);
  }

  /** Reads the timestamps; all passes must have been submitted. */
  async read(): Promise<Profile> {
    const totals = new Map<string, { calls: number; milliseconds: number }>();
    let index = 0;
    for (const { readBack, used } of this.#sets) {
      await readBack.mapAsync(1);
      const stamps = new BigUint64Array(readBack.getMappedRange(0, used * 8).slice(0));
      for (let i = 0; i < used; i += 2) {
        const label = this.#labels[index++]!;
        const row = totals.get(label) ?? { calls: 0, milliseconds: 0 };
        row.calls += 1;
        row.milliseconds += Number(stamps[i + 1]! - stamps[i]!) / 1e6;
        totals.set(label, row);
      }
      readBack.destroy();
    }
    return createProfile(totals);
  }
}

function createProfile(totals: ReadonlyMap<string, { calls: number; milliseconds: number }>): Profile {
  const milliseconds = [...totals.values()].reduce((sum, row) => sum + row.milliseconds, 0);
  const rows = [...totals]
    .map(([label, row]) => ({ label, ...row, share: milliseconds === 0 ? 0 : row.milliseconds / milliseconds }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
  return { rows, milliseconds, toString: () => formatProfile(rows, milliseconds) };
}

function formatProfile(rows: readonly ProfileRow[], total: number): string {
  const width = Math.max(6, ...rows.map(({ label }) => label.length));
  const line = (label: string, calls: string, ms: string, share: string): string =>
    `${label.padEnd(width)}  ${calls.padStart(6)}  ${ms.padStart(10)}  ${share.padStart(6)}`;
  return [
    line("kernel", "calls", "ms", "share"),
    ...rows.map((r) => line(r.label, `${r.calls}`, r.milliseconds.toFixed(3), `${(r.share * 100).toFixed(1)}%`)),
    line("total", "", total.toFixed(3), ""),
  ].join("\n");
}
