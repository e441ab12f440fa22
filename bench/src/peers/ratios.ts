import type { Figure } from "../figure.ts";
import { MATMUL_SIZES, OWN, PEER_CASES, PEERS } from "./cases.ts";
import { labelOf } from "./contender.ts";

/** `ratio.matmul.nn.512.vs.tfjs.webgpu`. */
export function ratioName(caseName: string, label: string): string {
  return `ratio.${caseName}.vs.${label}`;
}

/** `ratio.matmul.512.layouts`. */
export function layoutsName(size: number): string {
  return `ratio.matmul.${size}.layouts`;
}

/**
 * ds3's speed over each peer's, and the fastest over the slowest of ds3's layouts; of those whose both sides `figures` has.
 */
export function ratiosOf(figures: readonly Figure[]): Figure[] {
  const byName = new Map(figures.map((figure) => [figure.name, figure]));
  const own = (name: string): Figure | undefined => byName.get(`${name}.${labelOf(OWN)}`);
  const peerRatios = PEER_CASES.flatMap(({ name }) =>
    PEERS.map((peer) => labelOf(peer)).flatMap((label) => {
      const [ours, theirs] = [own(name), byName.get(`${name}.${label}`)];
      return ours && theirs ? [ratio(ratioName(name, label), ours.value / theirs.value, ours)] : [];
    }),
  );
  const layoutRatios = MATMUL_SIZES.flatMap((size) => {
    const cases = PEER_CASES.filter((peerCase) => peerCase.kind === "matmul" && peerCase.size === size);
    const ours = cases.map(({ name }) => own(name)).filter((figure) => figure !== undefined);
    if (ours.length < cases.length) return [];
    const speeds = ours.map(({ value }) => value);
    return [ratio(layoutsName(size), Math.max(...speeds) / Math.min(...speeds), ours[0]!)];
  });
  return [...layoutRatios, ...peerRatios];
}

function ratio(name: string, value: number, { adapter }: Figure): Figure {
  return { name, value, unit: "ratio", adapter };
}
