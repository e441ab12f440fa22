import { readFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import { test } from "vitest";
import { type Fixture, type FixtureMeta, listFixtures, loadFixture } from "./fixtures.ts";

/**
 * One test for each external fixture of a topic that `accepts` its meta data, or one skipped test that says why.
 * `accepts` looks at config and tensor names, never at the fixture's name.
 */
export function testFixtures(
  topic: string,
  label: string,
  accepts: (meta: FixtureMeta) => boolean,
  check: (fixture: Fixture, base: string) => void | Promise<void>,
): void {
  const bases = listFixtures(topic);
  if (bases === undefined) {
    skipVisibly(`${label}: no external fixtures of topic ${topic} (set DS3_FIXTURES)`);
    return;
  }
  for (const base of bases) {
    if (!accepts(JSON.parse(readFileSync(`${base}.json`, "utf8")) as FixtureMeta)) continue;
    test(`${label}: ${relative(dirname(dirname(base)), base)}`, () => check(loadFixture(base), base));
  }
}

/** One skipped test, and one line that says so. */
export function skipVisibly(reason: string): void {
  process.stderr.write(`skipped: ${reason}\n`);
  test.skip(reason, () => {});
}
