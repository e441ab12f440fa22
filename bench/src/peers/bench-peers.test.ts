import { probeAdapter } from "@ds3/software-gpu";
import { skipVisibly } from "@ds3/testing";
import { expect, test } from "vitest";
import type { Figure } from "../figure.ts";
import { benchPeers } from "./bench-peers.ts";
import { type ContenderName, labelOf } from "./contender.ts";
import type { Measurement } from "./messages.ts";
import { PeerError } from "./peer-error.ts";
import { runChild } from "./run-child.ts";

/** What a stand-in for a contender prints for each case: a measurement, or with `script` whatever that does. */
interface StandIn {
  readonly value?: number;
  readonly results?: readonly number[];
  readonly script?: string;
}

/** Runs one product against stand-ins by label; collects figures, notes and the error at the end. */
async function bench(only: string, standIns: Readonly<Record<string, StandIn>>) {
  const childArgs = (contender: ContenderName): readonly string[] => {
    const { value = 1, results = [0.5], script } = standIns[labelOf(contender)] ?? {};
    const common = { type: "measurement", unit: "GFLOP/s", adapter: "", note: "", calls: 1, seconds: 1 };
    const print = `
      for (const name of process.argv.slice(1)) {
        console.log(JSON.stringify({ ...${JSON.stringify({ ...common, value, results })}, name }));
      }
      console.log('{"type":"end"}');`;
    return ["-e", script ?? print];
  };
  const figures: Figure[] = [];
  const notes: string[] = [];
  let error: unknown;
  try {
    const options = { only, childArgs, silenceMs: 20_000, onNote: (line: string) => void notes.push(line) };
    for await (const figure of benchPeers(options)) figures.push(figure);
  } catch (caught) {
    error = caught;
  }
  return { values: Object.fromEntries(figures.map(({ name, value }) => [name, value])), figures, notes, error };
}

test("each library's figure, then the ratios", async () => {
  const { figures, values, notes, error } = await bench("matmul.nn.512", {
    "ds3.webgpu": { value: 12 },
    "jax-js.webgpu": { value: 4 },
    "tfjs.webgpu": { value: 3 },
  });
  expect({ notes, error }).toEqual({ notes: [], error: undefined });
  expect(figures.map(({ name }) => name).slice(0, 2)).toEqual([
    "matmul.nn.512.ds3.webgpu",
    "matmul.nn.512.jax-js.webgpu",
  ]);
  expect(figures.at(-5)?.name).toBe("ratio.matmul.nn.512.vs.jax-js.webgpu");
  expect(values["ratio.matmul.nn.512.vs.jax-js.webgpu"]).toBe(3);
  expect(values["ratio.matmul.nn.512.vs.tfjs.webgpu"]).toBe(4);
});

test("a library that dies is noted, fails the run at its end, and the others are measured", async () => {
  const { values, notes, error } = await bench("matmul.nn.512", {
    "jax-js.wasm": { script: "process.exit(7)" },
  });
  expect(values).not.toHaveProperty(["matmul.nn.512.jax-js.wasm"]);
  expect(values).not.toHaveProperty(["ratio.matmul.nn.512.vs.jax-js.wasm"]);
  expect(values["ratio.matmul.nn.512.vs.tfjs.wasm"]).toBe(1);
  expect(notes).toEqual([expect.stringMatching(/^failed: matmul\.nn\.512\.jax-js\.wasm: .*exited with 7/)]);
  expect(error).toBeInstanceOf(PeerError);
  expect((error as Error).message).toMatch(/1 failed: matmul\.nn\.512\.jax-js\.wasm/);
});

test("a case that a library reports as failed, or leaves out, is a failure", async () => {
  const reported = `console.log('{"type":"failure","name":"matmul.nn.512","reason":"no kernel"}{"type":"end"}'.replace("}{", "}\\n{"))`;
  const { notes, error } = await bench("matmul.nn.512.", {
    "tfjs.wasm": { script: reported },
    "tfjs.webgpu": { script: `console.log('{"type":"end"}')` },
  });
  expect(notes).toEqual([
    expect.stringMatching(/tfjs\.webgpu: its process did not measure it/),
    "failed: matmul.nn.512.tfjs.wasm: no kernel",
  ]);
  expect((error as Error).message).toMatch(/2 failed/);
});

test("a library that computes something else has a figure, no ratio, and fails the run", async () => {
  const { values, error } = await bench("matmul.nn.512", {
    "ds3.webgpu": { results: [1, 2, 3] },
    "jax-js.webgpu": { results: [1, 2, 3] },
    "tfjs.webgpu": { results: [1, 2.001, 3] },
  });
  expect(values).toHaveProperty(["matmul.nn.512.tfjs.webgpu"]);
  expect(values).toHaveProperty(["ratio.matmul.nn.512.vs.jax-js.webgpu"]);
  expect(values).not.toHaveProperty(["ratio.matmul.nn.512.vs.tfjs.webgpu"]);
  expect((error as Error).message).toMatch(/matmul\.nn\.512\.tfjs\.webgpu: element 2 is 2\.001, ds3's 2(;|$)/);
});

test("without ds3's own result nothing is called in agreement", async () => {
  const { values, error } = await bench("vs.tfjs.wasm", { "ds3.webgpu": { script: "process.exit(1)" } });
  expect(values).toEqual({});
  expect((error as Error).message).toMatch(/matmul\.nn\.512\.tfjs\.wasm: nothing of ds3's to compare with/);
});

const { adapter } = await probeAdapter();
if (adapter === undefined) skipVisibly("peers: no WebGPU adapter for TensorFlow.js");
else {
  test("TensorFlow.js in a real process computes ds3's product", async () => {
    const child = new URL("./child.ts", import.meta.url).pathname;
    const measure = async (peer: string): Promise<Measurement> => {
      const args = ["--import", "tsx", "--conditions=@ds3/source", child, peer, "webgpu", "matmul.tn.64"];
      for await (const message of runChild({ args, label: peer, silenceMs: 60_000 })) return message as Measurement;
      throw new Error(`${peer} measured nothing`);
    };
    const [ours, theirs] = [await measure("ds3"), await measure("tfjs")];
    expect(theirs).toMatchObject({ type: "measurement", name: "matmul.tn.64", unit: "GFLOP/s" });
    expect(theirs.results).toHaveLength(8);
    for (const [i, value] of theirs.results.entries()) expect(value).toBeCloseTo(ours.results[i]!, 5);
  });
}
