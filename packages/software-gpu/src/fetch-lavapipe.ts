import { readdir, realpath, rename, symlink } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import { writeAptRoot } from "./apt-config.ts";
import { type AptSources, chooseAptSources, parseIndexTargets } from "./apt-sources.ts";
import { readOsRelease } from "./os-release.ts";
import type { FetchedDriver } from "./place-driver.ts";
import { type CommandError, type CommandOutput, runCommand } from "./run-command.ts";

/** What is downloaded in all, package lists included; the exact size is known only after a part of it is here. */
export const lavapipeDownload = "60 to 90 MB";

/** Dawn rejects lavapipe of older Mesa releases. */
const FIRST_MESA = 25;

/** Parts of every machine that runs Node; a second copy of them could only be older. */
const systemPackages: readonly RegExp[] = [/^libc6_/, /^libgcc-s1_/, /^libstdc\+\+6_/, /^gcc-/, /^libx11-data_/];

/** Drivers of real GPUs and layers, which the package brings along. */
const foreignLibraries = /^(libvulkan_(?!lvp)|libVkLayer)/;

/**
 * Downloads lavapipe and what it needs from the distribution's signed packages, with apt as an ordinary user, and puts
 * the libraries into `lib`. Nothing is installed on the system.
 * @throws CommandError when apt is missing, offline, or refuses a signature; Error for a distribution without packages.
 */
export async function fetchLavapipe(work: string, lib: string): Promise<FetchedDriver> {
  const sources = await systemSources();
  const apt = aptRunner(await writeAptRoot(join(work, "apt"), sources));
  const update = await apt(["update", "-q"]);
  const install = ["install", "-y", "-q", ...(sources.preferredSuite ? ["-t", sources.preferredSuite] : [])];
  const packages = ["mesa-vulkan-drivers", "libvulkan1"];
  // An update that could fetch nothing succeeds with warnings: they tell why the packages are then unknown.
  const plan = await apt([...install, "--print-uris", ...packages]).catch((error: CommandError) => {
    throw new Error(`${update.stderr.trim().split("\n", 1)[0]} ${error.message}`.trim());
  });
  const version = mesaVersion(plan.stdout);
  await apt([...install, "--download-only", ...packages]);
  await unpackLibraries(join(work, "apt/cache/archives"), join(work, "root"), lib);
  return { version, driverLibrary: "libvulkan_lvp.so", apiVersion: "1.4.0" };
}

async function systemSources(): Promise<AptSources> {
  const format = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
  const targets = await runCommand("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const os = readOsRelease();
  const sources = chooseAptSources(os, parseIndexTargets(targets.stdout));
  if (!sources) throw new Error(`no package source is known for the distribution "${os.id}"`);
  return sources;
}

function aptRunner(config: string): (args: readonly string[]) => Promise<CommandOutput> {
  return (args) => runCommand("apt-get", ["-c", config, ...args]);
}

/** The Mesa version in the output of `--print-uris`. @throws Error when it is missing or too old for Dawn. */
export function mesaVersion(uris: string): string {
  const version = / mesa-vulkan-drivers_(?:\d+%3a)?([^_]+)_/.exec(uris)?.[1];
  if (version === undefined) throw new Error("the package mesa-vulkan-drivers is not offered by the package sources");
  if (Number.parseInt(version, 10) < FIRST_MESA) {
    throw new Error(`the package sources offer Mesa ${version}, and Dawn needs ${FIRST_MESA} or newer`);
  }
  return version;
}

async function unpackLibraries(archives: string, root: string, lib: string): Promise<void> {
  for (const name of await readdir(archives)) {
    if (!name.endsWith(".deb") || systemPackages.some((pattern) => pattern.test(name))) continue;
    // dpkg-deb is there wherever apt-get is: apt depends on it.
    await runCommand("dpkg-deb", ["-x", join(archives, name), root]);
  }
  for (const folder of await libraryFolders(root)) await moveLibraries(folder, lib, root);
}

/** The folders that hold libraries: `lib/<triplet>` and `usr/lib/<triplet>`. */
async function libraryFolders(root: string): Promise<string[]> {
  const folders: string[] = [];
  for (const parent of [join(root, "lib"), join(root, "usr/lib")]) {
    const names = await readdir(parent).catch((): string[] => []);
    folders.push(...names.filter((name) => /^[a-z0-9_]+-linux-gnu/.test(name)).map((name) => join(parent, name)));
  }
  return folders;
}

/**
 * Moves the libraries of `folder` into `lib`. A link may lead to another folder below `root`; in `lib` it leads to its
 * neighbour. Links that lead nowhere or out of `root` are left alone: what they name is not ours to move.
 */
export async function moveLibraries(folder: string, lib: string, root: string): Promise<void> {
  const inside = (await realpath(root)) + sep;
  const files = new Set<string>();
  for (const name of await readdir(folder)) {
    if (!/\.so(\.|$)/.test(name) || foreignLibraries.test(name)) continue;
    const file = await realpath(join(folder, name)).catch(() => "");
    if (!file.startsWith(inside)) continue;
    files.add(file);
    if (name !== basename(file)) await symlink(basename(file), join(lib, name));
  }
  for (const file of files) await rename(file, join(lib, basename(file)));
}
