import { expect, test } from "vitest";
import { nextCommand } from "./next-command.ts";
import { parseOptions } from "./options.ts";

test("after the demo texts one's own, after one's own the same run twice as long", () => {
  expect(nextCommand(parseOptions([]), 850)).toBe("your own text: npx --yes pnpm@12 quickstart --data my.txt");
  const own = parseOptions(["--data", "rows.csv", "--column", "body", "--fast"]);
  expect(nextCommand(own, 12)).toBe(
    "twice as long: npx --yes pnpm@12 quickstart --data rows.csv --column body --steps 24",
  );
});
