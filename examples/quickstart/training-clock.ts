import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Counts the time that training itself takes, over all sessions of a resumed run. */
export interface TrainingClock {
  start(): void;
  pause(): void;
  /** Training tokens so far, those of earlier sessions included. */
  count(tokens: number): void;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  /** Leaves the time for the next session. */
  save(): Promise<void>;
}

interface ClockState {
  readonly tokens: number;
  readonly seconds: number;
}

/** A clock at zero, or where the folder's last session left it. */
export async function createTrainingClock(folder: string, resume: boolean): Promise<TrainingClock> {
  const path = join(folder, "training-time.json");
  const before = resume ? await readState(path) : { tokens: 0, seconds: 0 };
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
    save: () => writeFile(path, `${JSON.stringify({ tokens, seconds })}\n`),
  };
}

/** A missing or torn file costs a figure, not the run. */
async function readState(path: string): Promise<ClockState> {
  try {
    const { tokens, seconds } = JSON.parse(await readFile(path, "utf8")) as ClockState;
    if (tokens >= 0 && seconds >= 0) return { tokens, seconds };
  } catch {}
  return { tokens: 0, seconds: 0 };
}
