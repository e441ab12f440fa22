import { create } from "webgpu";
import { dawnInstances } from "./dawn-instances.ts";

/** Subgroup matrices and other experimental features appear, and timestamps keep their full resolution. */
const defaultOptions: readonly string[] = [
  "enable-dawn-features=allow_unsafe_apis",
  "disable-dawn-features=timestamp_quantization",
];

/**
 * Dawn's `GPU` object (what `navigator.gpu` is in a browser): one instance a process for each set of options.
 *
 * The instance is kept referenced until the process ends, also across several copies of this package; a collected
 * instance crashes the process. After `useSoftwareGpu` loaded a driver, the next call gives a new instance that sees it.
 * `options` are Dawn's `key=value` strings, e.g. `["backend=null"]` to validate shaders without any GPU.
 */
export function getDawn(options: readonly string[] = defaultOptions): GPU {
  const { current } = dawnInstances();
  const key = options.join("\n");
  let dawn = current.get(key);
  if (!dawn) {
    dawn = create([...options]);
    current.set(key, dawn);
  }
  return dawn;
}
