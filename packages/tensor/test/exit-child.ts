// exit-child.ts MODE: uses a device and leaves as MODE says; prints what happened. See exit.test.ts.
import { matmul, openGpu } from "../src/index.ts";

const mode = process.argv[2];
const gpu = await openGpu();
const x = gpu.full([64, 64], 1);
const y = matmul(x, x);
if (mode === "closed") {
  console.log(`read ${(await y.data())[0]}`);
  await gpu.close();
}
if (mode === "left open") console.log(`read ${(await y.data())[0]}`);
if (mode === "pending read") void y.data();
if (mode === "exit in mid-step") {
  void y.data();
  process.exit(7);
}
if (mode === "throw in mid-step") {
  void y.data();
  throw new Error("thrown in mid-step");
}
