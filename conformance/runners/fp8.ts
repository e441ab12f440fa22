import type { Gpu } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import type { FixtureJson } from "../find-fixtures.ts";
import { type Produced, Results, type TopicRunner } from "../topic.ts";
import { addCodec } from "./fp8-codecs.ts";
import { addPowersOfTwo } from "./fp8-powers-of-two.ts";
import { addProducts } from "./fp8-products.ts";
import { addTiles } from "./fp8-tiles.ts";

/** What a fixture of the topic is about. */
interface Kind {
  /** Names of which a fixture of this kind has all. */
  readonly has: readonly string[];
  readonly add: (results: Results, gpu: Gpu, fixture: Fixture, config: FixtureJson) => void;
}

/** The first whose tensors are there: products have scales too, tiles have a rounded scale. */
const KINDS: readonly Kind[] = [
  { has: ["a", "b"], add: addProducts },
  { has: ["x_bits"], add: addCodec },
  { has: ["x", "scale"], add: addTiles },
  { has: ["scale", "scale_ue8m0"], add: addPowersOfTwo },
];

/** Codecs, tiles and blocks, powers of two and products, on the CPU and on the GPU; which, the tensors tell. */
export const runFp8: TopicRunner = async ({ meta, tensors }, open): Promise<Produced> => {
  const fixture = tensors();
  const kind = KINDS.find(({ has }) => has.every((name) => fixture.names.includes(name)));
  if (!kind) throw new Error(`no known kind of FP8 fixture has these tensors: ${fixture.names.join(", ")}`);
  const results = new Results();
  kind.add(results, await open(), fixture, meta.config);
  return results.collect();
};
