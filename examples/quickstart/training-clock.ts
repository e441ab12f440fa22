import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Counts the time that a run takes, and training itself, over all sessions of a resumed run. */
export interface TrainingClock {
  start(): void;
  pause(): void;
  /** Training tokens so far, those of earlier sessions included. */
  count(tokens: number): void;
  /** Of training. */
  readonly seconds: number;
  readonly tokensPerSecond: number;
  /** When the run would have started, had it not been interrupted. */
  readonly startedAt: Date;
  /** Leaves the time for the next session. */
  save(): Promise<void>;
}

interface ClockState {
  readonly tokens: number;
  readonly seconds: number;
  /** Everything, set-up included. */
  readonly wallSeconds: number;
}

const ZERO: ClockState = { tokens: 0, seconds: 0, wallSeconds: 0 };

/** A clock of a session that began at `sessionStart`: at zero, or where the folder's last session left it. */
export async function createTrainingClock(
  folder: string,
  { resume, sessionStart }: { readonly resume: boolean; readonly sessionStart: Date },
): Promise<TrainingClock> {
  const path = join(folder, "training-time.json");
  const before = resume ? await readState(path) : ZERO;
  const startedAt = new Date(sessionStart.getTime() - before.wallSeconds * 1000);
  let { tokens, seconds } = before;
  let since: number | undefined;
  return {
    start: () => {
      since ??= performance.now();
    },
    pause: () => {
      if (since !== undefined) seconds += (performance.now() - since) / 1000;
      since = undefined;
    },
    count: (now) => {
      tokens = now;
    },
    get seconds() {
      return seconds;
    },
    get tokensPerSecond() {
      return seconds > 0 ? tokens / seconds : 0;
    },
    startedAt,
    save: async () => {
      const state: ClockState = { tokens, seconds, wallSeconds: (Date.now() - startedAt.getTime()) / 1000 };
      await writeFile(path, `${JSON.stringify(state)}\n`);
    },
  };
}

/** A missing or torn file costs a figure, not the run. */
async function readState(path: string): Promise<ClockState> {
  try {
    const { tokens, seconds, wallSeconds } = JSON.parse(await readFile(path, "utf8")) as ClockState;
    if (tokens >= 0 && seconds >= 0 && wallSeconds >= 0) return { tokens, seconds, wallSeconds };
  } catch {}
  return ZERO;
}
