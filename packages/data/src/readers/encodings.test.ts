import { expect, test } from "vitest";
import { collect, testFolder } from "../../test/reader-files.ts";
import { type ReadOptions, readDocuments } from "../read-documents.ts";
import { guessEncoding } from "./guess-encoding.ts";
import type { Reject } from "./reject.ts";

const { file } = await testFolder();

/** Texts and their bytes, as Python's codecs write them. */
const SAMPLES: Readonly<Record<string, readonly [string, string]>> = {
  gb18030: [
    "北京是中华人民共和国的首都，也是全国的政治中心和文化中心。大家都在学习新的知识。",
    "b1b1bea9cac7d6d0bbaac8cbc3f1b9b2bacdb9fab5c4cad7b6bca3acd2b2cac7c8abb9fab5c4d5fed6ced6d0d0c4bacdcec4bbafd6d0d0c4a1a3b4f3bcd2b6bcd4dad1a7cfb0d0c2b5c4d6aacab6a1a3",
  ],
  shift_jis: [
    "これは日本語のテキストです。ひらがなとカタカナをつかいます。",
    "82b182ea82cd93fa967b8cea82cc8365834c8358836782c582b7814282d082e782aa82c882c6834a835e834a836982f082c282a982a282dc82b78142",
  ],
  "euc-jp": [
    "これは日本語のテキストです。ひらがなとカタカナをつかいます。",
    "a4b3a4eca4cfc6fccbdcb8eca4cea5c6a5ada5b9a5c8a4c7a4b9a1a3a4d2a4e9a4aca4caa4c8a5aba5bfa5aba5caa4f2a4c4a4aba4a4a4dea4b9a1a3",
  ],
  "euc-kr": [
    "대한민국의 수도는 서울입니다. 한국어로 쓴 문장입니다.",
    "b4ebc7d1b9ceb1b9c0c720bcf6b5b5b4c220bcadbfefc0d4b4cfb4d92e20c7d1b1b9beeeb7ce20beb420b9aec0e5c0d4b4cfb4d92e",
  ],
  big5: [
    "臺北是中華民國的首都，大家都在學習新的知識，這是一個測試。",
    "bb4fa55fac4fa4a4b5d8a5c1b0eaaabaadbab3a3a141a46aae61b3a3a662bec7b2dfb773aabaaabec3d1a141b36fac4fa440add3b4fab8d5a143",
  ],
  "windows-1252": ["café déjà vu, naïve façade", "636166e92064e96ae02076752c206e61ef7665206661e7616465"],
};

const read = async (path: string, options: ReadOptions): Promise<string[]> =>
  (await collect(readDocuments(path, options))).map(({ text }) => text);

test("each encoding is read by its name, in every format of text", async () => {
  for (const [encoding, [text, hex]] of Object.entries(SAMPLES)) {
    const bytes = Buffer.from(hex, "hex");
    const around = (before: string, after: string): Uint8Array =>
      Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]);
    const files: [string, Uint8Array][] = [
      ["a.txt", bytes],
      ["a.jsonl", around('{"text":"a"}\n{"text":"', '"}\n')],
      ["a.csv", around('text,id\n"', '",1\n')],
    ];
    for (const [name, content] of files) {
      const path = await file(name, content);
      for (const chunkBytes of [1, 7, 1000]) {
        expect((await read(path, { encoding, chunkBytes })).at(-1), `${encoding} ${name}`).toBe(text);
      }
    }
  }
});

test("UTF-16 with a mark, and a U+0A0A, whose bytes are line ends", async () => {
  const text = "mark \u0a0a\u0a00\u000b 中😀";
  const lines = `\uFEFF{"text":"${text.replace("\u000b", "")}"}\n{"text":"b"}\n`;
  const path = await file("wide.jsonl", Buffer.from(lines, "utf16le"));
  expect(await read(path, { encoding: "utf-16le" })).toEqual([text.replace("\u000b", ""), "b"]);
  const parts = await file("wide.txt", Buffer.from(`\uFEFFa|${text}|c`, "utf16le").swap16());
  expect(await read(parts, { encoding: "utf-16be", separator: "|" })).toEqual(["a", text, "c"]);
});

test("the wrong encoding is named with file, line and byte, and a likely one", async () => {
  for (const [encoding, [, hex]] of Object.entries(SAMPLES)) {
    const content = Buffer.concat([Buffer.from('{"text":"a"}\n{"text":"'), Buffer.from(hex, "hex"), Buffer.from('"}')]);
    const path = await file("wrong.jsonl", content);
    const byte = 22 + (encoding === "windows-1252" ? 3 : 0);
    await expect(read(path, {}), encoding).rejects.toThrow(`${path}:2: expected text in utf-8, got the bytes`);
    await expect(read(path, {}), encoding).rejects.toThrow(`at byte ${byte}. It may be ${encoding}: { encoding:`);
  }
  const wide = await file("wrong.csv", Buffer.from("\uFEFFtext\nab\n", "utf16le"));
  await expect(read(wide, {})).rejects.toThrow(/:1: .*at byte 0. It may be utf-16le/);
});

test("damaged UTF-8 is not taken for another encoding", () => {
  const damaged = Buffer.from("中文的文本有一个字节坏了，其余都好。".repeat(3));
  damaged[10] = 0xff;
  expect(guessEncoding(damaged)).toBeUndefined();
  expect(guessEncoding(Buffer.from("h\0e\0l\0l\0o\0", "latin1"))).toBe("utf-16le");
  expect(guessEncoding(Buffer.from("\0h\0e\0l\0l\0o", "latin1"))).toBe("utf-16be");
});

test("what is no text in the encoding that was named is rejected by its line, or replaced", async () => {
  const [text, hex] = SAMPLES.gb18030!;
  const good = Buffer.from(hex, "hex");
  const lines = [good, Buffer.from([0x61, 0xff, 0x62]), good].flatMap((line) => [
    Buffer.from('"'),
    line,
    Buffer.from('"\n'),
  ]);
  const path = await file("part.csv", Buffer.concat([Buffer.from("text\n"), ...lines]));
  const rejects: Reject[] = [];
  expect(await read(path, { encoding: "GBK", onReject: (reject) => rejects.push(reject) })).toEqual([text, text]);
  expect(rejects).toMatchObject([{ line: 3, reason: "expected text in gb18030, got bytes that are none" }]);
  await expect(read(path, { encoding: "gb18030" })).rejects.toThrow(`${path}:3: expected text in gb18030`);
  const replaced = await read(path, { encoding: "gb18030", replaceInvalid: true });
  expect([replaced.length, replaced[1]]).toEqual([3, expect.stringMatching(/^a\uFFFD/)]);
});
