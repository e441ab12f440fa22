import { expect, test } from "vitest";
import { createTerminal } from "./terminal.ts";

function record(isTTY: boolean): { stream: NodeJS.WriteStream; written: string[] } {
  const written: string[] = [];
  const stream = { isTTY, columns: 20, write: (text: string) => written.push(text) };
  return { stream: stream as unknown as NodeJS.WriteStream, written };
}

test("a terminal's status line is overwritten by the next, cut to the width, and gone before a printed line", () => {
  const { stream, written } = record(true);
  const terminal = createTerminal(stream);
  terminal.status("one");
  terminal.status("a line longer than twenty columns");
  terminal.print("kept");
  terminal.print("kept too");
  expect(written).toEqual(["one", "\r\u001b[2Ka line longer than ", "\r\u001b[2Kkept\n", "kept too\n"]);
});

test("a pipe gets plain lines", () => {
  const { stream, written } = record(false);
  const terminal = createTerminal(stream);
  terminal.status("a line longer than twenty columns");
  terminal.print("kept");
  expect(written).toEqual(["a line longer than twenty columns\n", "kept\n"]);
});
