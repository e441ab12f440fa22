import { expect, test } from "vitest";
import { nextCommands } from "./next-commands.ts";
import { parseOptions } from "./options.ts";

test("after the demo texts one's own, after one's own the same run twice as long", () => {
  const { train } = nextCommands(parseOptions([]), 850);
  expect(train).toBe("your own text: npx --yes pnpm@12 quickstart --data my.txt");
  const own = parseOptions(["--data", "rows.csv", "--column", "body", "--fast"]);
  expect(nextCommands(own, 12).train).toBe(
    "twice as long: npx --yes pnpm@12 quickstart --data rows.csv --column body --steps 24",
  );
});

test("a chat with the model of this run", () => {
  expect(nextCommands(parseOptions([]), 850).chat).toBe("npx --yes pnpm@12 chat");
  const elsewhere = nextCommands(parseOptions(["--out", "my runs/one"]), 850);
  expect(elsewhere.chat).toBe("npx --yes pnpm@12 chat --model 'my runs/one/model'");
});
