export { assertOtherFolder } from "./assert-other-folder.ts";
export { cosine } from "./cosine.ts";
export { holdOut } from "./hold-out.ts";
export { listCounts } from "./list-counts.ts";
export { type LanguageFolder, loadModel, type SavedModel, saveModel } from "./model-folder.ts";
export {
  choice,
  count,
  type Flag,
  type Flags,
  flag,
  integer,
  number,
  optional,
  parseFlags,
  paths,
  text,
} from "./parse-flags.ts";
export { optimizerFor, precisionFlag } from "./precision.ts";
export { readAll } from "./read-all.ts";
export { runProgram, runTraining, type Session, type Training } from "./run-program.ts";
