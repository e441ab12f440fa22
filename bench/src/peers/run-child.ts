import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type CaseFailure, type Measurement, parseMessage } from "./messages.ts";
import { PeerError } from "./peer-error.ts";

/** A process that measures, and how long it may be silent. */
export interface ChildOptions {
  /** Arguments of this same Node. */
  readonly args: readonly string[];
  /** Whose process it is: named in errors. */
  readonly label: string;
  /** The child is killed when it prints nothing for this long. */
  readonly silenceMs: number;
}

/** As much of a dead child's last words as an error can carry. */
const LAST_WORDS = 1500;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs a child process and hands on what it prints, line by line, until its "end".
 *
 * The child never outlives this call: it is killed when the consumer stops early, when a line is garbage, when it is
 * silent too long, and when this process is told to end. Its standard input is a pipe that closes with this process, so
 * a child ends by itself even when this one is killed outright.
 * @throws PeerError when the child dies, hangs, prints garbage or ends without "end".
 */
export async function* runChild({ args, label, silenceMs }: ChildOptions): AsyncGenerator<Measurement | CaseFailure> {
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
  const release = killWithParent(child);
  const watch = watchSilence(child, silenceMs);
  const lastWords = collect(child);
  const exit = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(signal ? `died of ${signal}` : `exited with ${code}`));
  });
  try {
    let ended = false;
    for await (const line of createInterface({ input: child.stdout })) {
      watch.heard();
      const message = parseMessage(line);
      if (message.type === "end") {
        ended = true;
        break;
      }
      yield message;
    }
    if (!ended) throw failure(label, watch.fired ? `silent for ${silenceMs / 1000} s` : await exit, lastWords());
  } finally {
    watch.stop();
    child.kill("SIGKILL");
    await exit;
    release();
  }
}

function failure(label: string, actual: string, lastWords: string): PeerError {
  const hint = lastWords === "" ? {} : { hint: `Its last words: ${lastWords}` };
  return new PeerError({ op: "benchPeers", operand: label, expected: "a process that ends orderly", actual, ...hint });
}

/** Kills the child when this process is told to end, and lets the signal do its work. */
function killWithParent(child: ChildProcess): () => void {
  const kill = (): void => void child.kill("SIGKILL");
  const pass = (signal: NodeJS.Signals): void => {
    kill();
    release();
    process.kill(process.pid, signal);
  };
  const release = (): void => {
    process.off("exit", kill);
    for (const signal of SIGNALS) process.off(signal, pass);
  };
  process.on("exit", kill);
  for (const signal of SIGNALS) process.on(signal, pass);
  return release;
}

function watchSilence(
  child: ChildProcess,
  silenceMs: number,
): { readonly fired: boolean; heard(): void; stop(): void } {
  let fired = false;
  const timer = setTimeout(() => {
    fired = true;
    child.kill("SIGKILL");
  }, silenceMs);
  return {
    get fired() {
      return fired;
    },
    heard: () => void timer.refresh(),
    stop: () => clearTimeout(timer),
  };
}

/** Keeps the end of what the child writes to standard error. */
function collect(child: ChildProcess): () => string {
  let text = "";
  child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-LAST_WORDS);
  });
  return () => text.trim();
}
