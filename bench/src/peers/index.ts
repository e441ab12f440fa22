export { benchPeers, type PeersOptions } from "./bench-peers.ts";
export { PeerError } from "./peer-error.ts";
