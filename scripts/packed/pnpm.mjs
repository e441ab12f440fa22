import { basename } from "node:path";
import { run } from "../lib/run.mjs";

/** Runs pnpm: the one that started this process, else the workspace's major version through npx. */
export function pnpm(args, options) {
  const started = process.env.npm_execpath ?? "";
  if (!basename(started).startsWith("pnpm")) return run("npx", ["--yes", "pnpm@12", ...args], options);
  if (/\.c?js$/.test(started)) return run(process.execPath, [started, ...args], options);
  return run(started, args, options);
}
