/*
 * node --import tsx -C @ds3/source child.ts PEER BACKEND CASE...: measures one library on one backend, in a process of its
 * own. Prints a line of JSON for each case; all else goes to standard error.
 */
import { caseNamed } from "./cases.ts";
import type { ContenderName } from "./contender.ts";
import { measureCase } from "./measure-case.ts";
import type { Message } from "./messages.ts";
import { openContender } from "./open-contender.ts";

const [peer, backend, ...wanted] = process.argv.slice(2) as [
  ContenderName["peer"],
  ContenderName["backend"],
  ...string[],
];

// Libraries greet and warn: standard output is for messages.
for (const level of ["log", "info", "debug"] as const) console[level] = console.error;
endWithParent();

const opened = openContender({ peer, backend });
for (const name of wanted) await print(await measureOrExplain(name));
await print({ type: "end" });
process.exit(0);

async function measureOrExplain(name: string): Promise<Message> {
  try {
    return await measureCase(await opened, caseNamed(name));
  } catch (error) {
    return { type: "failure", name, reason: `${error}` };
  }
}

/** The parent holds the other end of standard input: it closes with the parent. */
function endWithParent(): void {
  process.stdin.on("close", () => process.exit(1)).resume();
}

function print(message: Message): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${JSON.stringify(message)}\n`, () => resolve()));
}
