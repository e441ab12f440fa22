export {
  ConfigError,
  Ds3Error,
  DtypeError,
  type ErrorDetails,
  FormatError,
  OutOfRangeError,
  ShapeError,
  StateError,
} from "./ds3-error.ts";
export { didYouMean, nearest } from "./nearest.ts";
