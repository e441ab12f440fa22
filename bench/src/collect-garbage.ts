import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** The engine's collector, which a flag exposes to contexts made after it. */
export function exposeGarbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
