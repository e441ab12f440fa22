import { join } from "node:path";
import type { Document } from "../document.ts";
import { mixSources } from "../mixing/mix-sources.ts";
import type { Mix, MixCursor, MixSource } from "../mixing/mix-types.ts";
import { startMix } from "../mixing/mixer.ts";
import { replayMix } from "../mixing/replay-mix.ts";
import { flattenBatches } from "../readers/flatten-batches.ts";
import type { BuildMix, BuildSource } from "./build-config.ts";
import type { BuildContext } from "./build-context.ts";
import { readPart } from "./part-files.ts";
import type { Part } from "./pass-state.ts";

/** Mix what is left of all sources, or go on from a cursor. @throws EmptyDataError for a source with a weight of which nothing is left. */
export async function mixKept(
  { sources, settings }: BuildContext,
  folder: string,
  parts: readonly Part[],
  cursor: MixCursor | undefined,
): Promise<Mix<Document>> {
  const { seed, mix } = settings;
  const streams = sources.map(({ name }, s) => {
    return sourceOf(
      name,
      folder,
      parts.filter(({ source }) => source === s),
    );
  });
  const { maxEpochs = 4 } = mix ?? {};
  const options = { seed, maxEpochs, ...(cursor && { cursor }) };
  if (mix === undefined)
    return startMix(streams, (sizes) => repeatAsAsked(sources, sizes), { ...options, op: "buildCorpus" });
  if (mix.replay !== undefined) return mixReplay(streams, mix.replay, options);
  const { weights, temperature, total } = mix;
  const shares = weights === undefined ? { temperature: temperature ?? 1 } : { weights };
  return mixSources(streams, { ...options, ...shares, ...(total !== undefined && { total }) });
}

function mixReplay(
  streams: readonly MixSource<Document>[],
  { source, ratio }: NonNullable<BuildMix["replay"]>,
  options: { seed: number; maxEpochs: number; cursor?: MixCursor },
): Promise<Mix<Document>> {
  const old = streams.find(({ name }) => name === source)!;
  const fresh = streams.find(({ name }) => name !== source)!;
  return replayMix(fresh, old, { ...options, ratio });
}

/** Every source as often as its `repeat` says. */
function repeatAsAsked(
  sources: readonly BuildSource[],
  sizes: readonly number[],
): { weight: number; epochs: number; capped: boolean }[] {
  const epochs = sources.map(({ repeat = 1 }, s) => (sizes[s] === 0 ? 0 : repeat));
  const total = epochs.reduce((sum, each, s) => sum + each * sizes[s]!, 0);
  return epochs.map((each, s) => ({
    weight: total === 0 ? 0 : (each * sizes[s]!) / total,
    epochs: each,
    capped: false,
  }));
}

function sourceOf(name: string, folder: string, parts: readonly Part[]): MixSource<Document> & { size: number } {
  const documentsFrom = (index: number): AsyncGenerator<Document> => flattenBatches(batchesFrom(folder, parts, index));
  const size = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  return { name, size, documents: () => documentsFrom(0), documentsFrom };
}

/** Parts before the one that holds document `index` are not read at all. */
async function* batchesFrom(
  folder: string,
  parts: readonly Part[],
  index: number,
): AsyncGenerator<readonly Document[], void, undefined> {
  let toSkip = index;
  for (const { name, documents } of parts) {
    if (toSkip >= documents) {
      toSkip -= documents;
      continue;
    }
    for await (const batch of readPart(join(folder, name), documents)) {
      const skipped = Math.min(toSkip, batch.length);
      toSkip -= skipped;
      if (skipped < batch.length) yield skipped === 0 ? batch : batch.slice(skipped);
    }
  }
}
