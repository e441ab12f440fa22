export { listDatasets } from "./datasets.ts";
export { type ClosenessOptions, expectClose, expectExact, expectFixture, expectStored } from "./expect-close.ts";
export { expectCompiling, uniqueByLabel } from "./expect-compiling.ts";
export { expectNear } from "./expect-near.ts";
export { expectQuickRehearsal } from "./expect-quick-rehearsal.ts";
export { type Arrays, checkGradient, type GradientCheckOptions } from "./finite-difference.ts";
export {
  type Fixture,
  type FixtureMeta,
  fixturesBelow,
  fixturesRoot,
  listFixtures,
  loadFixture,
  type Tolerance,
  toFloat64,
} from "./fixtures.ts";
export { KERNEL_TARGETS } from "./kernel-targets.ts";
export { useNullDevice } from "./null-device.ts";
export { testGpuOptions, useTestGpu } from "./open-test-gpu.ts";
export { integers, normals, uniforms } from "./seeded.ts";
export { temporaryFolder } from "./temporary-folder.ts";
export { skipVisibly, testFixtures } from "./test-fixtures.ts";
export { type KernelSpec, testKernels } from "./test-kernels.ts";
export { type OpSpec, type ReferenceResult, type TestInput, testOp } from "./test-op.ts";
