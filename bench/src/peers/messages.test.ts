import { expect, test } from "vitest";
import { parseMessage } from "./messages.ts";
import { PeerError } from "./peer-error.ts";

const measurement = {
  type: "measurement",
  name: "matmul.nn.512",
  value: 3,
  unit: "GFLOP/s",
  adapter: "some adapter",
  note: "",
  calls: 4,
  seconds: 0.5,
  results: [1, 2],
};

test("a measurement, a failure and the end are read as they were printed", () => {
  expect(parseMessage(JSON.stringify(measurement))).toEqual(measurement);
  const failed = { type: "failure", name: "gpt.tiny.train", reason: "no memory" };
  expect(parseMessage(JSON.stringify(failed))).toEqual(failed);
  expect(parseMessage('{"type":"end"}')).toEqual({ type: "end" });
});

test.each([
  ["text", "Hello, I am a library"],
  ["an empty line", ""],
  ["no record", "null"],
  ["an unknown type", '{"type":"hello"}'],
  ["a failure without a reason", '{"type":"failure","name":"x"}'],
  ["no time", JSON.stringify({ ...measurement, seconds: 0 })],
  ["a speed that is null, as JSON writes NaN", JSON.stringify({ ...measurement, value: Number.NaN })],
  ["a negative speed", JSON.stringify({ ...measurement, value: -1 })],
  ["a result that is not finite", JSON.stringify({ ...measurement, results: [1, Number.POSITIVE_INFINITY] })],
  ["no results", JSON.stringify({ ...measurement, results: [] })],
])("%s is refused, and the error shows it", (_, line) => {
  const read = (): unknown => parseMessage(line);
  expect(read).toThrow(PeerError);
  expect(read).toThrow(JSON.stringify(line));
});
