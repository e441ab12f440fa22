import { existsSync, readdirSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { didYouMean } from "@ds3/errors";
import type { Gpu } from "@ds3/tensor";
import { type FoundFixture, findFixtures } from "./find-fixtures.ts";
import { countTensors, reportJson, reportTable } from "./report.ts";
import { type FixtureReport, runFixture } from "./run-fixture.ts";
import type { Topic } from "./topic.ts";

/** Everything a run depends on. */
export interface ConformanceOptions {
  /** Command-line arguments: `--topic T`, any number of times. */
  readonly args: readonly string[];
  /** The folder that the user named, if any, and where to look otherwise. */
  readonly chosenFolder: string | undefined;
  readonly defaultFolder: string;
  readonly topics: Readonly<Record<string, Topic>>;
  /** Opens the device, at the first fixture that needs one. */
  readonly openGpu: () => Promise<Gpu>;
  readonly print: (line: string) => void;
  readonly writeReport: (json: string) => void;
}

/** Runs the fixtures of a folder and returns the exit code: 0 when every expected tensor was asserted or may be skipped. */
export async function conformance(options: ConformanceOptions): Promise<number> {
  const { chosenFolder, defaultFolder, topics, print, writeReport } = options;
  try {
    const chosen = chosenTopics(options.args, Object.keys(topics));
    const root = chosenFolder ?? defaultFolder;
    if (!isFilled(root)) {
      if (chosenFolder !== undefined)
        throw new Error(`DS3_FIXTURES: ${root} is missing or empty; name a folder of fixtures`);
      print(`skipped: no fixtures in ${root} (set DS3_FIXTURES to a folder of fixtures)`);
      return 0;
    }
    const { reports, adapter } = await runFolder(root, chosen, options);
    writeReport(reportJson(root, adapter, reports));
    for (const line of reportTable(reports)) print(line);
    const { passed, failed, skipped } = countTensors(reports);
    print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    return failed > 0 ? 1 : 0;
  } catch (error) {
    print(`conformance: ${(error as Error).message}`);
    print("0 passed, 1 failed, 0 skipped");
    return 1;
  }
}

async function runFolder(
  root: string,
  chosen: readonly string[],
  { topics, openGpu, print }: ConformanceOptions,
): Promise<{ reports: FixtureReport[]; adapter: string | undefined }> {
  const isChosen = ({ topic }: { topic: string }): boolean => chosen.length === 0 || chosen.includes(topic);
  const { fixtures, problems } = findFixtures(root, Object.keys(topics));
  for (const topic of chosen) {
    const isThere = [...fixtures, ...problems].some((found) => found.topic === topic);
    if (!isThere) throw new Error(`--topic ${topic}: ${root} holds no fixture of that topic`);
  }
  // A folder that no topic claims is a failure whatever was chosen.
  const relevant = problems.filter((problem) => isChosen(problem) || !(problem.topic in topics));
  const reports: FixtureReport[] = relevant.map(({ name, topic, reason }) => ({
    fixture: name,
    topic,
    seconds: 0,
    tensors: [{ name: "", role: "none", status: "failed", reason }],
  }));
  const device = lazily(openGpu);
  for (const found of fixtures.filter(isChosen)) {
    const report = await runOnOwnHandle(found, topics[found.topic]!, device.get);
    reports.push(report);
    if (report.seconds > 10) print(`${found.name}: ${report.seconds.toFixed(1)} s`);
  }
  const gpu = device.opened;
  await gpu?.close();
  return { reports, adapter: gpu?.adapter.name };
}

/** One device for all fixtures, a handle of its own for each: closing it frees what the fixture allocated. */
async function runOnOwnHandle(found: FoundFixture, topic: Topic, open: () => Promise<Gpu>): Promise<FixtureReport> {
  let handle: Gpu | undefined;
  try {
    return await runFixture(found, topic, async () => (handle ??= (await open()).fork()));
  } finally {
    await handle?.close();
  }
}

function lazily(open: () => Promise<Gpu>): { readonly get: () => Promise<Gpu>; readonly opened: Gpu | undefined } {
  let gpu: Gpu | undefined;
  return {
    get: async () => (gpu ??= await open()),
    get opened() {
      return gpu;
    },
  };
}

function chosenTopics(args: readonly string[], known: readonly string[]): string[] {
  const { values } = parseArgs({ args: [...args], options: { topic: { type: "string", multiple: true } } });
  const { topic: chosen = [] } = values;
  for (const topic of chosen) {
    if (!known.includes(topic)) throw new Error(`--topic ${topic}: unknown topic. ${didYouMean(topic, known)}`);
  }
  return chosen;
}

function isFilled(folder: string): boolean {
  return existsSync(folder) && statSync(folder).isDirectory() && readdirSync(folder).length > 0;
}
