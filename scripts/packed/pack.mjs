import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../lib/run.mjs";
import { pnpm } from "./pnpm.mjs";

/** Packs one package into a folder of its own under `parent` and gives the tarball's path. */
export async function packInto(parent, { name, folder }) {
  const destination = join(parent, name.replace("/", "-"));
  await mkdir(destination, { recursive: true });
  await pnpm(["pack", "--pack-destination", destination], { cwd: folder, label: `pnpm pack ${name}` });
  const [file] = (await readdir(destination)).filter((file) => file.endsWith(".tgz"));
  return join(destination, file);
}

/** The package.json inside a tarball. */
export async function packedManifest(tarball) {
  return JSON.parse(await run("tar", ["-xzOf", tarball, "package/package.json"]));
}
