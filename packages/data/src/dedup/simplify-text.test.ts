import { expect, test } from "vitest";
import { createRandom } from "../random.ts";
import { simplifyText } from "./simplify-text.ts";

/** The rules one after another, on strings. */
function simplifyReference(text: string, numbers: "keep" | "zero"): string {
  const characters = [...text].map((character) => {
    const bare = character
      .toLowerCase()
      .normalize("NFD")
      .replace(/\p{Mn}/gu, "");
    return [...bare].length === 1 && !(character.length === 1 && bare.length > 1) ? bare : character;
  });
  return characters
    .join("")
    .replace(/[\p{P}\p{S}\p{Mn}\p{Cf}\p{Cs}]|(?!\s)\p{Cc}/gu, (c) => (/\s/u.test(c) ? c : ""))
    .replace(/\p{Nd}+/gu, (digits) => (numbers === "zero" ? "0" : digits))
    .replace(/\s+/gu, " ")
    .trim();
}

test("what goes and what stays", () => {
  expect(simplifyText("  Hello,\t\tWORLD!\n")).toBe("hello world");
  expect(simplifyText("Crème brûlée, e\u0301clair; Ångström")).toBe("creme brulee eclair angstrom");
  expect(simplifyText("in 1998 and 2,024.5 or ٣٤, 00")).toBe("in 1998 and 20245 or ٣٤ 00");
  expect(simplifyText("in 1998 and 2,024.5 or ٣٤, 00", { numbers: "zero" })).toBe("in 0 and 0 or 0 0");
  expect(simplifyText("don't + a-b = 1 2")).toBe("dont ab 1 2");
  expect(simplifyText("「深度求索」，混合专家。")).toBe("深度求索混合专家");
  expect(simplifyText("한국어 ㄱ")).toBe("한국어 ㄱ");
  expect(simplifyText("a 😀 𝒳 𠀀 𞤀 𝟙𝟚 \ud800b")).toBe("a 𝒳 𠀀 𞤢 𝟙𝟚 b");
  expect(simplifyText("𝟙𝟚1 a𞤀", { numbers: "zero" })).toBe("0 a𞤢");
  expect(simplifyText("...!?")).toBe("");
  expect(simplifyText("")).toBe("");
});

test.each(["keep", "zero"] as const)("any text comes out as the rules say, numbers: %s", (numbers) => {
  const random = createRandom({ seed: 5 });
  const ranges = [0x80, 0x250, 0x2000, 0x3100, 0x10000, 0x1f700, 0x20100];
  for (let round = 0; round < 3000; round++) {
    const codes = Array.from({ length: 12 }, () => random.below(ranges[random.below(ranges.length)]!));
    const text = String.fromCodePoint(...codes);
    expect(simplifyText(text, { numbers }), JSON.stringify(text)).toBe(simplifyReference(text, numbers));
  }
});

test("a long text leaves nothing behind for the next", () => {
  const long = "Word 12, ".repeat(300_000);
  expect(simplifyText(long)).toBe("word 12 ".repeat(300_000).trim());
  expect(simplifyText("Word 1, ")).toBe("word 1");
});
