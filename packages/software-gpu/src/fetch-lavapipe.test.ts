import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { mesaVersion, moveLibraries } from "./fetch-lavapipe.ts";

const folder = await mkdtemp(join(tmpdir(), "ds3-lavapipe-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const uri = (file: string): string => `'http://mirror.example/pool/${file}' ${file} 1234 SHA256:00\n`;

test("the Mesa version is read from apt's plan", () => {
  const plan = uri("libvulkan1_1.3.239.0-1_amd64.deb") + uri("mesa-vulkan-drivers_25.0.7-2%7ebpo12+1_amd64.deb");
  expect(mesaVersion(plan)).toBe("25.0.7-2%7ebpo12+1");
});

test("a Mesa that Dawn rejects is refused before it is downloaded", () => {
  expect(() => mesaVersion(uri("mesa-vulkan-drivers_22.3.6-1+deb12u1_amd64.deb"))).toThrow(
    /Mesa 22\.3\.6.*25 or newer/,
  );
  expect(() => mesaVersion(uri("libvulkan1_1.3.239.0-1_amd64.deb"))).toThrow(/not offered/);
});

test("libraries are moved with their links; foreign drivers and links out of the root stay", async () => {
  const [root, lib, outside] = [join(folder, "root"), join(folder, "lib"), join(folder, "libhost.so.9")];
  const [own, other] = [join(root, "usr/lib/x86_64-linux-gnu"), join(root, "usr/lib/llvm-19/lib")];
  for (const path of [own, other, lib]) await mkdir(path, { recursive: true });
  await writeFile(outside, "host");
  await writeFile(join(own, "libz.so.1.2"), "z");
  await symlink("libz.so.1.2", join(own, "libz.so.1"));
  await writeFile(join(other, "libLLVM.so.1"), "llvm");
  await symlink("../llvm-19/lib/libLLVM.so.1", join(own, "libLLVM.so.19"));
  await symlink(outside, join(own, "libhost.so"));
  await symlink("nowhere.so", join(own, "libdangling.so"));
  for (const name of ["libvulkan_lvp.so", "libvulkan_radeon.so", "libVkLayer_MESA_overlay.so", "notes.txt"]) {
    await writeFile(join(own, name), name);
  }
  await moveLibraries(own, lib, root);
  const expected = ["libLLVM.so.1", "libLLVM.so.19", "libvulkan_lvp.so", "libz.so.1", "libz.so.1.2"];
  expect((await readdir(lib)).sort()).toEqual(expected);
  expect(await readlink(join(lib, "libLLVM.so.19"))).toBe("libLLVM.so.1");
  expect(await readFile(join(lib, "libz.so.1"), "utf8")).toBe("z");
  expect(await readFile(outside, "utf8")).toBe("host");
});
