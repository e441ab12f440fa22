/** Where the quickstart writes: lines that stay, and one status line that a terminal overwrites. */
export interface Terminal {
  /** One line, or several, that stay. */
  print(text: string): void;
  /** The present state of long work: overwritten by whatever comes next where that is possible, else a plain line. */
  status(line: string): void;
}

const CLEAR_LINE = "\r\u001b[2K";

/** A terminal on a stream, by default standard output. */
export function createTerminal(stream: NodeJS.WriteStream = process.stdout): Terminal {
  let isStatusShown = false;
  const clear = (): string => (isStatusShown ? CLEAR_LINE : "");
  return {
    print(text) {
      stream.write(`${clear()}${text}\n`);
      isStatusShown = false;
    },
    status(line) {
      if (!stream.isTTY) {
        stream.write(`${line}\n`);
        return;
      }
      // A line that wraps could not be taken back.
      stream.write(`${clear()}${line.slice(0, stream.columns - 1)}`);
      isStatusShown = true;
    },
  };
}

/** `texts       4,640 documents`: what a stage did, under its name. */
export function stageLine(stage: string, text: string): string {
  return `${stage.padEnd(11)} ${text}`;
}

/** 1234567 -> `1,234,567` */
export function formatCount(value: number): string {
  return value.toLocaleString("en-US");
}
