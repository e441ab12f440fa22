import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { extract } from "tar";
import { NoSoftwareGpuError } from "./errors.ts";
import type { FetchedDriver } from "./place-driver.ts";
import { runCommand } from "./run-command.ts";

/** The npm package that carries SwiftShader (built from Chromium's sources) and the Vulkan loader, for x64 Linux. */
const PACKAGE = "@sparticuz/chromium";
const VERSION = "147.0.0";
const SHA512 = "4ZKeAQQa8up2mt675qSitztLdbQrlf8BKdC5naeap+5Mv1OV1OlJdPoU+EJC/p5sQUJUQmN4r+q5+EhaaOUHpQ==";
const REGISTRY = "https://registry.npmjs.org";
const DOWNLOAD_MILLISECONDS = 300_000;

/** The size of the package, of which the driver is 3.5 MB. */
export const swiftshaderDownload = "68 MB";

/**
 * Downloads the npm package through the user's own npm (registry, proxy and credentials as configured), checks it against
 * a pinned sha512 and puts the two libraries into `lib`.
 * @throws NoSoftwareGpuError on another processor or a wrong checksum; CommandError when npm cannot download.
 */
export async function fetchSwiftshader(work: string, lib: string): Promise<FetchedDriver> {
  if (process.arch !== "x64") throw wrong("processor", "x64", process.arch, "Install your system's Vulkan driver.");
  const tarball = await downloadPackage(work);
  await requireChecksum(tarball, SHA512);
  await unpackDriver(tarball, work, lib);
  return { version: VERSION, driverLibrary: "libvk_swiftshader.so", apiVersion: "1.0.5" };
}

/** Without a network npm's own patience is more than a minute. */
const npmFlags = ["--ignore-scripts", "--no-update-notifier", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"];

/** `npm pack` knows the user's configuration; where npm is not installed, the public registry is asked. */
async function downloadPackage(work: string): Promise<string> {
  const folder = join(work, "npm");
  await mkdir(folder);
  if (await hasNpm()) {
    await runCommand("npm", ["pack", `${PACKAGE}@${VERSION}`, "--pack-destination", folder, ...npmFlags]);
    const name = (await readdir(folder)).find((file) => file.endsWith(".tgz"));
    return join(folder, name ?? "no-package.tgz");
  }
  const signal = AbortSignal.timeout(DOWNLOAD_MILLISECONDS);
  const response = await fetch(`${REGISTRY}/${PACKAGE}/-/chromium-${VERSION}.tgz`, { signal });
  if (!response.ok) throw new Error(`${REGISTRY} answered ${response.status}`);
  await writeFile(join(folder, "chromium.tgz"), new Uint8Array(await response.arrayBuffer()));
  return join(folder, "chromium.tgz");
}

async function hasNpm(): Promise<boolean> {
  return runCommand("npm", ["--version"]).then(
    () => true,
    () => false,
  );
}

/** @throws NoSoftwareGpuError when the file's sha512 (base64) is not `expected`. */
export async function requireChecksum(file: string, expected: string): Promise<void> {
  const hash = createHash("sha512");
  await pipeline(createReadStream(file), hash);
  const actual = hash.digest("base64");
  if (actual === expected) return;
  throw wrong(
    file,
    `sha512 ${expected}`,
    actual,
    "The registry serves another file than the pinned one: do not use it.",
  );
}

/** The package holds a brotli-compressed tar archive of the libraries. */
async function unpackDriver(tarball: string, work: string, lib: string): Promise<void> {
  await extract({ file: tarball, cwd: work, filter: (path) => path.endsWith("bin/swiftshader.tar.br") });
  const compressed = createReadStream(join(work, "package/bin/swiftshader.tar.br"));
  const wanted = ["libvulkan.so.1", "libvk_swiftshader.so"];
  await mkdir(join(work, "swiftshader"));
  await pipeline(compressed, createBrotliDecompress(), extract({ cwd: join(work, "swiftshader") }));
  for (const name of wanted) await rename(join(work, "swiftshader", name), join(lib, name));
}

function wrong(operand: string, expected: string, actual: string, hint: string): NoSoftwareGpuError {
  return new NoSoftwareGpuError({ op: "installSoftwareGpu", operand, expected, actual, hint });
}
