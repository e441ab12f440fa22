/** The helpers that need no GPU, for tests of references, codecs and configs: `@ds3/testing/reference`. */
export * from "./expect-close.ts";
export * from "./finite-difference.ts";
export * from "./fixtures.ts";
export * from "./seeded.ts";
export * from "./test-fixtures.ts";
