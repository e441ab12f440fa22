import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { openMetricsLog } from "./metrics-log.ts";

test("a record a line; rewind drops later steps, other lines and a half-written one", () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  const log = openMetricsLog(path);
  log.rewind(5);
  for (const step of [1, 2, 3]) log.append({ step, loss: step / 2 } as { step: number });
  log.append({ step: 2, validationLoss: 4 } as { step: number });
  appendFileSync(path, '\nnull\n{"no":"step"}\n{"step":2,"los');
  log.rewind(2);
  expect(readFileSync(path, "utf8")).toBe(
    '{"step":1,"loss":0.5}\n{"step":2,"loss":1}\n{"step":2,"validationLoss":4}\n',
  );
  log.append({ step: 3 });
  expect(readFileSync(path, "utf8").endsWith('"validationLoss":4}\n{"step":3}\n')).toBe(true);
});
