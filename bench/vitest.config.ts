export { default } from "../vitest.cpu.ts";
