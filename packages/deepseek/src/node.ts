/** Checkpoint folders on disk, for Node: the main entry has no file access. */
export { loadCheckpoint, readConfig } from "./load-checkpoint.ts";
export { saveCheckpoint } from "./save-checkpoint.ts";
