import type { BuildMix, BuildSource } from "./build-config.ts";

/**
 * How often the documents of each source come.
 *
 * With weights, source s shall have the share w_s / sum(w) of all bytes; with a temperature t its weight is
 * (bytes of s)^(1 / t). The bytes in all are those there are, or less where a source would come more often than
 * `maxRepeat`: then all are scaled down, and the shares hold.
 * @param bytes of each source.
 */
export function planMix(
  sources: readonly BuildSource[],
  bytes: readonly number[],
  mix: BuildMix | undefined,
): number[] {
  if (mix === undefined) return sources.map(({ repeat = 1 }) => repeat);
  const { temperature, maxRepeat = 4 } = mix;
  const weights = sources.map(({ name }, s) => {
    if (bytes[s] === 0) return 0; // nothing is left of it
    return mix.weights?.[name] ?? bytes[s]! ** (1 / temperature!);
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (sum === 0) return sources.map(() => 0);
  const total = bytes.reduce((all, each) => all + each, 0);
  const repeats = weights.map((weight, s) => (weight === 0 ? 0 : ((weight / sum) * total) / bytes[s]!));
  const scale = Math.min(1, maxRepeat / Math.max(...repeats));
  return repeats.map((repeat) => repeat * scale);
}
