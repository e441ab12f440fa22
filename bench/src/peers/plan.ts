import { ConfigError } from "@ds3/errors";
import { MATMUL_SIZES, OWN, PEER_CASES, PEERS, type PeerCase } from "./cases.ts";
import { type ContenderName, labelOf } from "./contender.ts";
import { layoutsName, ratioName } from "./ratios.ts";

/** What one child process measures. */
export interface PlannedChild {
  readonly contender: ContenderName;
  readonly cases: readonly PeerCase[];
}

/**
 * The processes that figures whose name contains `only` need, ds3's first. ds3 makes every case that a peer makes: it is
 * what their results and speeds are held against.
 * @throws ConfigError when no figure has such a name.
 */
export function planChildren(only: string): PlannedChild[] {
  const wants = (name: string): boolean => name.includes(only);
  const peers = PEERS.map((contender) => {
    const label = labelOf(contender);
    return {
      contender,
      cases: PEER_CASES.filter(({ name }) => wants(`${name}.${label}`) || wants(ratioName(name, label))),
    };
  });
  const layouts = MATMUL_SIZES.filter((size) => wants(layoutsName(size)));
  const own = PEER_CASES.filter(
    (peerCase) =>
      wants(`${peerCase.name}.${labelOf(OWN)}`) ||
      peers.some((peer) => peer.cases.includes(peerCase)) ||
      (peerCase.kind === "matmul" && layouts.includes(peerCase.size)),
  );
  if (own.length === 0) throw unknownName(only);
  return [{ contender: OWN, cases: own }, ...peers.filter((peer) => peer.cases.length > 0)];
}

function unknownName(only: string): ConfigError {
  const names = PEER_CASES.map(({ name }) => name).join(", ");
  const labels = [OWN, ...PEERS].map(labelOf).join(", ");
  const expected = `part of CASE.LIBRARY or ratio.CASE.vs.LIBRARY, of cases ${names} and libraries ${labels}`;
  return new ConfigError({ op: "benchPeers", operand: "--only", expected, actual: `"${only}"` });
}
