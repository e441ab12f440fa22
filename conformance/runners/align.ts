import type { TopicRunner } from "../topic.ts";
import { runDpo } from "./align-dpo.ts";
import { runGrpo } from "./align-grpo.ts";
import { runSftPacked } from "./align-sft.ts";

/** By a tensor that only one kind of alignment fixture has. */
const runners: readonly (readonly [tensor: string, run: TopicRunner])[] = [
  ["cu_seqlens", runSftPacked],
  ["advantages", runGrpo],
  ["sequence_policy", runDpo],
];

/** Packed fine-tuning, preference losses, group-relative losses: told apart by what the fixture holds, not by its name. */
export const runAlign: TopicRunner = (fixture, open) => {
  const { names: held } = fixture.tensors();
  const found = runners.find(([tensor]) => held.includes(tensor));
  if (found) return found[1](fixture, open);
  const names = runners.map(([tensor]) => tensor).join(", ");
  throw new Error(`unknown kind of alignment fixture: it has none of the tensors ${names}`);
};
