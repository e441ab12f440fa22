import { existsSync, readFileSync } from "node:fs";

/** The fields of `os-release(5)` that choose a package source; empty strings where the file lacks them. */
export interface OsRelease {
  readonly id: string;
  readonly versionId: string;
  readonly codename: string;
}

/** Parses the text of an os-release file: `KEY=value` lines, values optionally in single or double quotes. */
export function parseOsRelease(text: string): OsRelease {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^\s*([A-Z_]+)=(["']?)(.*?)\2\s*$/.exec(line);
    if (match) fields.set(match[1]!, match[3]!);
  }
  const field = (key: string): string => fields.get(key) ?? "";
  return { id: field("ID") || "linux", versionId: field("VERSION_ID"), codename: field("VERSION_CODENAME") };
}

/** This machine's os-release; id `linux` and empty fields where there is none. */
export function readOsRelease(): OsRelease {
  const path = ["/etc/os-release", "/usr/lib/os-release"].find((file) => existsSync(file));
  return parseOsRelease(path === undefined ? "" : readFileSync(path, "utf8"));
}
