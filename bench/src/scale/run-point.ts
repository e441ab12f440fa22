import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { StateError } from "@ds3/errors";
import type { PointCost } from "./measure-point.ts";
import { pointName, type ScalePoint } from "./scale-points.ts";

const ROOT = resolve(import.meta.dirname, "../../..");

/** What a point's process said. */
export type PointResult = { readonly cost: PointCost } | { readonly refusal: string };

/**
 * Measures a point in a process of its own.
 * @throws StateError when the process ends without a result.
 */
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
  const actual = `${end}: ${errors().trim().slice(-1000)}`;
  throw new StateError({ op: "bench", operand: pointName(point), expected: "a result from its process", actual });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.on("data", (part) => {
    text += part;
  });
  return () => text;
}
