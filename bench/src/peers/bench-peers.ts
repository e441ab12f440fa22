/*
 * ds3 beside its JavaScript peers, in one run: each library on each backend in a process of its own, one after the other,
 * all timed by the same rule (windows.ts). Every process computes the same products and the same training steps, and what
 * they computed is compared before a ratio is printed.
 */
import { fileURLToPath } from "node:url";
import type { Figure } from "../figure.ts";
import { peersFolder } from "../gpt.ts";
import { OWN, type PeerCase } from "./cases.ts";
import { findDisagreement } from "./check-agreement.ts";
import { type ContenderName, labelOf } from "./contender.ts";
import type { Measurement } from "./messages.ts";
import { PeerError } from "./peer-error.ts";
import { type PlannedChild, planChildren } from "./plan.ts";
import { ratiosOf } from "./ratios.ts";
import { runChild } from "./run-child.ts";

/** What to measure. */
export interface PeersOptions {
  /** Figures whose name contains this; all by default. */
  readonly only?: string;
  /** Gets a line for each case that is left out or failed. Default: standard error. */
  readonly onNote?: (line: string) => void;
  /** A child process that prints nothing for this long is killed. Default ten minutes. */
  readonly silenceMs?: number;
  /** Arguments of Node for the process of a contender, before the names of its cases. */
  readonly childArgs?: (contender: ContenderName) => readonly string[];
}

const SILENCE_MS = 600_000;

/**
 * The figures, each as soon as it is measured: `CASE.LIBRARY.BACKEND`, then the ratios (ds3's speed over the peer's).
 * A library that fails leaves a note and no figure; the others are still measured.
 *
 * @throws PeerError at the end, when a library failed or computed something else than ds3. ConfigError when no figure has
 * the name. Error when DS3_PEERS names a folder without the peers' weights.
 */
export async function* benchPeers({
  only = "",
  onNote = console.error,
  silenceMs = SILENCE_MS,
  childArgs = defaultChildArgs,
}: PeersOptions = {}): AsyncGenerator<Figure> {
  const figures: Figure[] = [];
  const problems: string[] = [];
  const onProblem = (problem: string): void => {
    problems.push(problem);
    onNote(`failed: ${problem}`);
  };
  const own = new Map<string, Measurement>();
  for (const planned of available(planChildren(only), onNote)) {
    const label = labelOf(planned.contender);
    for await (const measurement of measure(planned, { silenceMs, childArgs, onProblem })) {
      if (planned.contender === OWN) own.set(measurement.name, measurement);
      const problem = compare(label, own.get(measurement.name), measurement);
      if (problem !== undefined) onProblem(problem);
      const figure = figureOf(label, measurement);
      if (problem === undefined) figures.push(figure);
      if (figure.name.includes(only)) yield figure;
    }
  }
  for (const figure of ratiosOf(figures)) if (figure.name.includes(only)) yield figure;
  if (problems.length > 0) throw failed(problems);
}

/** All that is planned, or what needs no weights where the peers' folder is not there. */
function available(children: readonly PlannedChild[], onNote: (line: string) => void): PlannedChild[] {
  const isGpt = ({ kind }: PeerCase): boolean => kind === "gpt";
  if (peersFolder() !== undefined || !children.some(({ cases }) => cases.some(isGpt))) return [...children];
  onNote("skipped: gpt.tiny.train, no peers' weights (set DS3_PEERS)");
  return children
    .map(({ contender, cases }) => ({ contender, cases: cases.filter((peerCase) => !isGpt(peerCase)) }))
    .filter(({ cases }) => cases.length > 0);
}

interface MeasureOptions extends Required<Pick<PeersOptions, "silenceMs" | "childArgs">> {
  readonly onProblem: (problem: string) => void;
}

/** Runs one child; what it fails at is a problem each, and so is each case that it never came to. */
async function* measure({ contender, cases }: PlannedChild, options: MeasureOptions): AsyncGenerator<Measurement> {
  const label = labelOf(contender);
  const left = new Set(cases.map(({ name }) => name as string));
  const args = [...options.childArgs(contender), ...left];
  try {
    for await (const message of runChild({ args, label, silenceMs: options.silenceMs })) {
      if (!left.delete(message.name)) throw unexpected(label, message.name);
      if (message.type === "measurement") yield message;
      else options.onProblem(`${message.name}.${label}: ${message.reason}`);
    }
    for (const name of left) options.onProblem(`${name}.${label}: its process did not measure it`);
  } catch (error) {
    if (!PeerError.is(error)) throw error;
    for (const name of left) options.onProblem(`${name}.${label}: ${(error as PeerError).message}`);
  }
}

function compare(label: string, ours: Measurement | undefined, theirs: Measurement): string | undefined {
  if (ours === undefined) return `${theirs.name}.${label}: nothing of ds3's to compare with`;
  return findDisagreement(label, ours, theirs);
}

function figureOf(label: string, { name, value, unit, adapter, note, calls, seconds, results }: Measurement): Figure {
  const figure = { name: `${name}.${label}`, value, unit, adapter, ...(note === "" ? {} : { note }) };
  if (unit === "GFLOP/s") return { ...figure, gflops: value };
  return { ...figure, steps: calls, wallSeconds: seconds, firstLosses: results };
}

function defaultChildArgs({ peer, backend }: ContenderName): readonly string[] {
  const child = fileURLToPath(new URL("./child.ts", import.meta.url));
  return ["--import", "tsx", "--conditions=@ds3/source", child, peer, backend];
}

function unexpected(label: string, name: string): PeerError {
  return new PeerError({
    op: "benchPeers",
    operand: label,
    expected: "each case that was asked for once",
    actual: name,
  });
}

function failed(problems: readonly string[]): PeerError {
  return new PeerError({
    op: "benchPeers",
    operand: "peers",
    expected: "all of them measured and in agreement with ds3",
    actual: `${problems.length} failed: ${problems.join("; ")}`,
  });
}
