import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { allPackages, publicPackages } from "../lib/packages.mjs";
import { run } from "../lib/run.mjs";
import { packedManifest, packInto } from "./pack.mjs";

/**
 * `changeset version` on a scratch copy of the manifests, with one patch for the lowest package: every public package
 * must get the same new version, the private ones keep theirs, and packed dependants must ask for the new version.
 */
export async function checkVersionBump(root, scratch) {
  const [lowest] = publicPackages(root);
  await copyManifests(root, scratch);
  await writeFile(join(scratch, ".changeset", "trial.md"), `---\n"${lowest.name}": patch\n---\n\nTrial.\n`);
  await run(join(root, "node_modules", ".bin", "changeset"), ["version"], { cwd: scratch, label: "changeset version" });

  const before = new Map(allPackages(root).map(({ name, manifest }) => [name, manifest.version]));
  const after = allPackages(scratch);
  const bumped = after.find(({ name }) => name === lowest.name).manifest.version;
  for (const { name, manifest } of after) {
    const expected = manifest.private ? before.get(name) : bumped;
    if (manifest.version !== expected)
      throw new Error(`${name} got version ${manifest.version}, expected ${expected}.`);
  }
  if (bumped === before.get(lowest.name)) throw new Error(`${lowest.name} kept version ${bumped}.`);
  await checkDependants(after, bumped, join(scratch, "tarballs"));
  return bumped;
}

async function checkDependants(packages, version, folder) {
  const names = new Set(packages.map(({ name }) => name));
  const dependants = packages.filter(({ manifest }) => !manifest.private && manifest.dependencies !== undefined);
  for (const entry of dependants) {
    const { dependencies } = await packedManifest(await packInto(folder, entry));
    for (const [name, range] of Object.entries(dependencies)) {
      if (!names.has(name) || range === `^${version}`) continue;
      throw new Error(`${entry.name} asks for ${name} ${range} after the bump, expected ^${version}.`);
    }
  }
}

/** The manifests alone, and the links between packages that `pnpm pack` reads to fill in `workspace:` ranges. */
async function copyManifests(root, scratch) {
  const copy = async (path) => {
    await mkdir(dirname(join(scratch, path)), { recursive: true });
    await cp(join(root, path), join(scratch, path), { recursive: true, verbatimSymlinks: true });
  };
  await Promise.all(["package.json", "pnpm-workspace.yaml", ".changeset/config.json"].map(copy));
  for (const { folder } of allPackages(root)) {
    const path = relative(root, folder);
    await copy(join(path, "package.json"));
    if (existsSync(join(folder, "node_modules"))) await copy(join(path, "node_modules"));
  }
  // The changelog of a trial is thrown away, and writing one would need git.
  const configPath = join(scratch, ".changeset", "config.json");
  const config = { ...JSON.parse(await readFile(configPath, "utf8")), changelog: false };
  await writeFile(configPath, JSON.stringify(config));
  await rm(join(scratch, "tarballs"), { recursive: true, force: true });
}
