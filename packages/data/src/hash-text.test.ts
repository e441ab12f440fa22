import { expect, test } from "vitest";
import { hashText128 } from "./hash-text.ts";

function hash(text: string): string[] {
  const units = Uint16Array.from({ length: text.length + 3 }, (_, i) =>
    i < text.length ? text.charCodeAt(i) : 0xabcd,
  );
  const out = new Uint32Array(4);
  hashText128(units, text.length, out);
  return [...out].map((word) => word.toString(16).padStart(8, "0"));
}

test("the hash is MurmurHash3_x86_128 of the UTF-16LE bytes", () => {
  // values of the Python package mmh3: hash_bytes(text.encode("utf-16-le"), 0, x64arch=False)
  expect(hash("")).toEqual(["00000000", "00000000", "00000000", "00000000"]);
  expect(hash("a")).toEqual(["033bb196", "ccef4fe1", "ccef4fe1", "ccef4fe1"]);
  expect(hash("ab")).toEqual(["260fb953", "af22b6fd", "af22b6fd", "af22b6fd"]);
  expect(hash("abcdefg")).toEqual(["851fde5e", "f81a9aab", "2a351f32", "fa8e8ca7"]);
  const fox = "The quick brown fox jumps over the lazy dog";
  expect(hash(fox)).toEqual(["15beb686", "0f94f6ca", "fed4894d", "28be6d5b"]);
  expect(hash("深度求索：混合专家模型 é 𝒳")).toEqual(["8f9e87eb", "ec174f89", "f4f22336", "4f041317"]);
  expect(hash("x".repeat(1000))).toEqual(["d6f261ee", "010a59b6", "11dba108", "94295556"]);
});
