import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { waitPolitely } from "./wait.node.ts";

test("a long wait polls more and more rarely, and hands on what it waits for", async () => {
  let turns = 0;
  let isOver = false;
  const count = async (): Promise<void> => {
    while (!isOver) {
      await nextTurn();
      turns += 1;
    }
  };
  const counting = count();
  expect(await waitPolitely(sleep(400, "done"))).toBe("done");
  isOver = true;
  await counting;
  // 0.1 ms between two polls would be 2500 to 4000 turns, however little each takes.
  expect(turns).toBeLessThan(1500);
  await expect(waitPolitely(Promise.reject(new Error("lost")))).rejects.toThrow("lost");
});
