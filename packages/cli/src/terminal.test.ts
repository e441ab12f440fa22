import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { Terminal } from "./terminal.ts";

function terminalOf({ isTTY, json = false }: { isTTY: boolean; json?: boolean }) {
  const stdout = new PassThrough();
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 12 });
  const terminal = new Terminal({ stdout, stderr, stdin: new PassThrough() }, json);
  return { terminal, read: () => [String(stdout.read() ?? ""), String(stderr.read() ?? "")] };
}

test("on a terminal one line of progress is overwritten, cut to its width, and gone before the next line", () => {
  const { terminal, read } = terminalOf({ isTTY: true });
  terminal.status("first");
  terminal.status("a line that is too long");
  terminal.print("result");
  terminal.print("more");
  expect(read()).toEqual(["result\nmore\n", "\r\u001b[2Kfirst\r\u001b[2Ka line that\r\u001b[2K"]);
});

test("elsewhere progress is plain lines, far apart but where a stage begins", () => {
  const { terminal, read } = terminalOf({ isTTY: false });
  for (let i = 0; i < 50; i++) terminal.status(`${i < 30 ? "one" : "two"}: step ${i}`);
  expect(read()).toEqual(["", "one: step 0\ntwo: step 30\n"]);
});

test("with json standard output is the document alone", () => {
  const { terminal, read } = terminalOf({ isTTY: false, json: true });
  terminal.print("for people");
  terminal.note("about the work");
  terminal.document({ a: 1 });
  expect(read()).toEqual(['{"a":1}\n', "about the work\n"]);
});
