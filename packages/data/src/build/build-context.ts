import type { BuildProgress, BuildRun, BuildSource, CorpusEncoder } from "./build-config.ts";
import type { BuildSettings } from "./resolve-build.ts";

/** What all passes of one build share. */
export class BuildContext {
  readonly settings: BuildSettings;
  readonly encoder: CorpusEncoder;
  readonly #run: BuildRun;
  #nextReport = 0;
  #stage = "";

  constructor(settings: BuildSettings, run: BuildRun) {
    this.settings = settings;
    this.encoder = run.encoder;
    this.#run = run;
  }

  get sources(): readonly BuildSource[] {
    return this.settings.sources;
  }

  /** Folder of intermediate results. */
  get work(): string {
    return this.settings.work;
  }

  /** Throws `BuildStopped` when the caller has asked to stop. */
  requireRunning(): void {
    if (this.#run.signal?.aborted) throw new BuildStopped();
  }

  /** Tell how far a stage is, not more often than ten times a second but at its start and when `isLast`. */
  progress(progress: BuildProgress, isLast = false): void {
    const { onProgress } = this.#run;
    if (onProgress === undefined) return;
    const now = performance.now();
    if (now < this.#nextReport && progress.stage === this.#stage && !isLast) return;
    this.#stage = progress.stage;
    this.#nextReport = now + 100;
    onProgress(progress);
  }
}

/** The caller asked to stop: never leaves `buildCorpus`. */
export class BuildStopped extends Error {}
