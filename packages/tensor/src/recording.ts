import type { Gpu } from "./gpu.ts";
import { Tape } from "./tape.ts";

/** The open tapes of one handle, and whether ops are recorded on them now. */
export class Recording {
  readonly #tapes: Tape[] = [];
  #paused = 0;
  #recomputing = 0;

  get isRecomputing(): boolean {
    return this.#recomputing > 0;
  }

  get activeTape(): Tape | undefined {
    return this.#paused > 0 ? undefined : this.#tapes.at(-1);
  }

  open(gpu: Gpu): Tape {
    const tape = new Tape(gpu, (closed) => {
      const index = this.#tapes.indexOf(closed);
      if (index >= 0) this.#tapes.splice(index, 1);
    });
    this.#tapes.push(tape);
    return tape;
  }

  /** Runs `fn` without recording. */
  pause<T>(fn: () => T): T {
    this.#paused += 1;
    try {
      return fn();
    } finally {
      this.#paused -= 1;
    }
  }

  /** Runs `fn` recording again, as the second run of a checkpointed function. */
  recompute<T>(fn: () => T): T {
    const paused = this.#paused;
    this.#recomputing += 1;
    this.#paused = 0;
    try {
      return fn();
    } finally {
      this.#paused = paused;
      this.#recomputing -= 1;
    }
  }

  closeAll(): void {
    for (const tape of [...this.#tapes]) tape.close();
  }
}
