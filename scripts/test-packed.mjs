// Tests what users install, not what lies in the workspace:
//   node scripts/test-packed.mjs [--no-build] [@ds3/name ..]
// Every public package, or those named, is packed; each tarball is installed alone (with the tarballs of its own ds3
// dependencies) in an empty folder by npm; packages that take a model as an interface must bring no model; the README's
// first example must run there; the loader of shards must find its thread, the command its modules; the browser
// packages must bundle without any module of Node, the others for Node, and keep the names of their errors; and a version
// bump must reach every dependant.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publicPackages, runtimeClosure } from "./lib/packages.mjs";
import { inParallel, run } from "./lib/run.mjs";
import { browserPackages, bundleForBrowser } from "./packed/browser-bundle.mjs";
import { checkCommand } from "./packed/command.mjs";
import { checkInstalledWithout, unwantedBy } from "./packed/installs-without.mjs";
import { checkLoaderThread } from "./packed/loader-thread.mjs";
import { bundleForNode } from "./packed/node-bundle.mjs";
import { packInto } from "./packed/pack.mjs";
import { readmeExample } from "./packed/readme-example.mjs";
import { checkVersionBump } from "./packed/version-bump.mjs";

const root = join(import.meta.dirname, "..");
const scratch = await mkdtemp(join(tmpdir(), "ds3-packed-"));
const packages = publicPackages(root);
const tested = namedPackages(process.argv.slice(2).filter((argument) => argument !== "--no-build"));
let passed = 0;
let failed = 0;

try {
  if (!process.argv.includes("--no-build")) await run(process.execPath, [join(root, "scripts", "build.mjs")]);
  const gpu = await gpuEnvironment();
  const tarballs = new Map();
  await inParallel(2, packages, async (entry) =>
    tarballs.set(entry.name, await packInto(join(scratch, "tarballs"), entry)),
  );
  await inParallel(2, tested, (entry) => testPackage(entry, tarballs, gpu));
  await check("changeset version bumps every package and its dependants", () =>
    checkVersionBump(root, join(scratch, "version")),
  );
} finally {
  await rm(scratch, { recursive: true, force: true });
}
console.log(`\nTests  ${passed} passed | ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** The packages of those names, all of them without any. */
function namedPackages(names) {
  const unknown = names.filter((name) => !packages.some((entry) => entry.name === name));
  if (unknown.length > 0) throw new Error(`No public package ${unknown.join(", ")}.`);
  return names.length === 0 ? packages : packages.filter(({ name }) => names.includes(name));
}

async function testPackage({ name, folder, manifest }, tarballs, gpu) {
  const home = join(scratch, "installed", name.replace("/", "-"));
  const needed = [name, ...runtimeClosure(manifest, packages)];
  const installed = await check(`${name} installs alone`, () => install(home, needed, tarballs));
  if (!installed) return;
  const unwanted = unwantedBy(name);
  if (unwanted.length > 0) {
    const without = unwanted.map((other) => other.replace("@ds3/", "")).join(", ");
    await check(`${name} brings no ${without}`, () => checkInstalledWithout(home, unwanted));
  }
  await check(`${name} runs its README's first example`, async () => {
    await writeFile(join(home, "example.mjs"), await readmeExample(folder));
    await run(process.execPath, ["example.mjs"], { cwd: home, env: gpu, timeout: 120_000, label: "example.mjs" });
  });
  if (name === "@ds3/data") await check(`${name} loads shards in a thread`, () => checkLoaderThread(home));
  if (name === "@ds3/cli") await check(`${name} installs the command ds3`, () => checkCommand(home));
  const [where, bundle] = browserPackages.includes(name.replace("@ds3/", ""))
    ? ["browsers", bundleForBrowser]
    : ["Node", bundleForNode];
  await check(`${name} bundles for ${where}`, async () => `${((await bundle(name, home)) / 1000).toFixed(0)} kB`);
  await rm(home, { recursive: true, force: true });
}

async function install(home, needed, tarballs) {
  await mkdir(home, { recursive: true });
  const dependencies = Object.fromEntries(needed.map((name) => [name, `file:${tarballs.get(name)}`]));
  const overrides = Object.fromEntries(needed.map((name) => [name, `$${name}`]));
  await writeFile(join(home, "package.json"), JSON.stringify({ private: true, dependencies, overrides }));
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund"], { cwd: home, label: "npm install" });
}

/** What a child process needs to have an adapter on this machine. */
async function gpuEnvironment() {
  const { childEnvironment } = await import(join(root, "packages", "software-gpu", "dist", "index.js"));
  return childEnvironment({ fetch: true, onMessage: console.log });
}

async function check(title, work) {
  const started = performance.now();
  try {
    const note = await work();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`  ok    ${title} (${seconds} s${typeof note === "string" ? `, ${note}` : ""})`);
    passed += 1;
    return true;
  } catch (error) {
    console.log(`  FAIL  ${title}\n${String(error.message).replaceAll(/^/gm, "        ")}`);
    failed += 1;
    return false;
  }
}
