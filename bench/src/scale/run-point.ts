import { spawn } from "node:child_process";
import { resolve } from "node:path";
import type { PointCost } from "./measure-point.ts";
import type { ScalePoint } from "./scale-points.ts";

const ROOT = resolve(import.meta.dirname, "../../..");

/** What a point costs, the named error that refused it, or how its process ended without either. */
export type PointResult = { readonly cost: PointCost } | { readonly refusal: string } | { readonly failure: string };

/** Measures a point in a process of its own. */
export async function runPoint(point: ScalePoint): Promise<PointResult> {
  const program = [resolve(ROOT, "scripts/with-gpu.mjs"), resolve(import.meta.dirname, "point-main.ts")];
  const args = [...program, point.size, `${point.length}`, point.checkpoint];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = [collect(child.stdout), collect(child.stderr)];
  const end = await new Promise<string>((done, fail) => {
    child.on("error", fail);
    child.on("close", (code, signal) => done(code === null ? `signal ${signal}` : `exit code ${code}`));
  });
  const line = output().trim().split("\n").at(-1)!;
  if (line.startsWith("{")) return JSON.parse(line) as PointResult;
  return { failure: `its process ended with ${end} and no result: ${errors().trim().slice(-1000)}` };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.on("data", (part) => {
    text += part;
  });
  return () => text;
}
