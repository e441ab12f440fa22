import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** A file that is being written. */
export interface DiskFile {
  write(data: Uint8Array): Promise<void>;
  /** Wait until all of it is on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Every change that shards make to a file system, one call each: tests put a failure or an end before any of them. */
export interface Disk {
  makeFolder(path: string): Promise<void>;
  /** An empty file, in place of what was there. */
  create(path: string): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Make the names in a folder durable. */
  syncFolder(path: string): Promise<void>;
}

/** The file system of Node. */
export const nodeDisk: Disk = {
  async makeFolder(path) {
    await mkdir(path, { recursive: true });
  },
  async create(path) {
    const file = await open(path, "w");
    return { write: (data) => file.writeFile(data), sync: () => file.sync(), close: () => file.close() };
  },
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  async syncFolder(path) {
    if (process.platform === "win32") return; // it cannot open folders and does not need it
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};

/** Where a file is written until it is whole. */
export function temporaryName(path: string): string {
  return `${path}.tmp`;
}

/** Writes a file beside its name and waits until it is on the disk; `putInPlace` gives it the name. */
export async function writeBeside(disk: Disk, path: string, data: Uint8Array): Promise<void> {
  const file = await disk.create(temporaryName(path));
  try {
    await file.write(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives written files their names, durably, in order. They lie in one folder. */
export async function putInPlace(disk: Disk, ...paths: readonly [string, ...string[]]): Promise<void> {
  for (const path of paths) await disk.rename(temporaryName(path), path);
  await disk.syncFolder(dirname(resolve(paths[0])));
}
