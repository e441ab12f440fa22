import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { didYouMean } from "@ds3/errors";
import type { Gpu } from "@ds3/tensor";
import { type FoundFixture, findFixtures } from "./find-fixtures.ts";
import { countTensors, reportJson, reportTable } from "./report.ts";
import { type FixtureReport, runFixture } from "./run-fixture.ts";
import { isOwnTopic, type OwnFixture, type OwnListing, type Topic, type TopicRunner } from "./topic.ts";

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
  const { print, writeReport } = options;
  try {
    const chosen = chosenTopics(options.args, Object.keys(options.topics));
    const root = filledRoot(options);
    if (root === undefined) {
      print(`skipped: no fixtures in ${options.defaultFolder} (set DS3_FIXTURES to a folder of fixtures)`);
    }
    const own = listOwn(root, chosen, options);
    for (const line of own.flatMap(({ notes }) => notes)) print(line);
    if (root === undefined && own.every(({ fixtures }) => fixtures.length === 0)) return 0;
    const { reports, adapter } = await runAll(root, own, chosen, options);
    writeReport(reportJson(root ?? options.defaultFolder, adapter, reports));
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

/** The folder of fixtures; undefined when the user named none and the default is absent. */
function filledRoot({ chosenFolder, defaultFolder }: ConformanceOptions): string | undefined {
  const root = chosenFolder ?? defaultFolder;
  if (isFilled(root)) return root;
  if (chosenFolder === undefined) return undefined;
  throw new Error(`DS3_FIXTURES: ${root} is missing or empty; name a folder of fixtures`);
}

/** What one topic of a format of its own found. */
interface OwnFound extends OwnListing {
  readonly topic: string;
}

function listOwn(root: string | undefined, chosen: readonly string[], { topics }: ConformanceOptions): OwnFound[] {
  return Object.entries(topics).flatMap(([topic, runner]): OwnFound[] => {
    if (!isOwnTopic(runner) || (chosen.length > 0 && !chosen.includes(topic))) return [];
    const folder = join(root ?? "", topic);
    return [{ topic, ...runner.list(root !== undefined && existsSync(folder) ? folder : undefined) }];
  });
}

async function runAll(
  root: string | undefined,
  own: readonly OwnFound[],
  chosen: readonly string[],
  options: ConformanceOptions,
): Promise<{ reports: FixtureReport[]; adapter: string | undefined }> {
  const { topics, openGpu, print } = options;
  const isChosen = ({ topic }: { topic: string }): boolean => chosen.length === 0 || chosen.includes(topic);
  const ownTopics = Object.keys(topics).filter((topic) => isOwnTopic(topics[topic]!));
  const { fixtures, problems } =
    root === undefined ? { fixtures: [], problems: [] } : findFixtures(root, Object.keys(topics), ownTopics);
  const ownFixtures = own.flatMap(({ topic, fixtures: found }) => found.map((fixture) => ({ ...fixture, topic })));
  for (const topic of chosen) {
    const isThere = [...fixtures, ...problems, ...ownFixtures].some((found) => found.topic === topic);
    if (!isThere) throw new Error(`--topic ${topic}: ${root} holds no fixture of that topic`);
  }
  // A folder that no topic claims is a failure whatever was chosen.
  const relevant = problems.filter((problem) => isChosen(problem) || !(problem.topic in topics));
  const reports: FixtureReport[] = relevant.map(({ name, topic, reason }) => failedReport(name, topic, reason));
  const add = (report: FixtureReport): void => {
    reports.push(report);
    if (report.seconds > 10) print(`${report.fixture}: ${report.seconds.toFixed(1)} s`);
  };
  const device = lazily(openGpu);
  for (const found of fixtures.filter(isChosen)) {
    add(await runOnOwnHandle(found, topics[found.topic] as TopicRunner | string, device.get));
  }
  for (const found of ownFixtures) add(runOwn(found));
  const gpu = device.opened;
  await gpu?.close();
  return { reports, adapter: gpu?.adapter.name };
}

function runOwn({ name, topic, run }: OwnFixture & { readonly topic: string }): FixtureReport {
  const start = performance.now();
  try {
    const tensors = run();
    const seconds = (performance.now() - start) / 1000;
    if (tensors.length > 0) return { fixture: name, topic, seconds, tensors };
    return failedReport(name, topic, "the fixture expects nothing");
  } catch (error) {
    return failedReport(name, topic, (error as Error).message);
  }
}

function failedReport(fixture: string, topic: string, reason: string): FixtureReport {
  return { fixture, topic, seconds: 0, tensors: [{ name: "", role: "none", status: "failed", reason }] };
}

/** One device for all fixtures, a handle of its own for each: closing it frees what the fixture allocated. */
async function runOnOwnHandle(
  found: FoundFixture,
  topic: TopicRunner | string,
  open: () => Promise<Gpu>,
): Promise<FixtureReport> {
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
