import { Ds3Error } from "@ds3/errors";

/** A reward function threw, or gave something other than one finite number for each completion. */
export class RewardError extends Ds3Error {
  static override readonly name: string = "RewardError";
}

/** A reward function did not settle in time. */
export class RewardTimeoutError extends RewardError {
  static override readonly name: string = "RewardTimeoutError";
}
