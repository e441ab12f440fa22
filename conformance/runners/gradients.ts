import { type DeepseekModel, parameterMap } from "@ds3/deepseek";
import type { Results } from "../topic.ts";

const PREFIX = "grad.";

/**
 * Adds the gradient of every tensor that a fixture names `grad.<checkpoint tensor>`: a run of elements of the gradient
 * of the parameter that holds it. Call it after backward.
 */
export function addModelGradients(results: Results, model: DeepseekModel, names: readonly string[], via: string): void {
  const places = new Map(parameterMap(model.config).map((place) => [place.name, place]));
  const read = new Map<string, Promise<Float32Array>>();
  for (const name of names) {
    const place = name.startsWith(PREFIX) ? places.get(name.slice(PREFIX.length)) : undefined;
    if (!place || model.state.has(place.parameter)) continue;
    const { parameter, offset, shape } = place;
    const whole = read.get(parameter) ?? model.arena.get(parameter).grad!.data();
    read.set(parameter, whole);
    const size = shape.reduce((a, b) => a * b, 1);
    results.add(
      name,
      via,
      whole.then((data) => data.subarray(offset, offset + size)),
    );
  }
}
