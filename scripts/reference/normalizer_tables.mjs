/**
 * Writes packages/tokenizer/src/normalizers/pinned-data.ts: what HF tokenizers' normalizers know of Unicode, asked of
 * the package tokenizers (0.23) one character after the other. Its normalization forms are those of Unicode 9.
 *
 *     node scripts/reference/normalizer_tables.mjs
 */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const tokenizer = fileURLToPath(new URL("../../packages/tokenizer/", import.meta.url));
const require = createRequire(`${tokenizer}package.json`);
const hf = require("tokenizers");

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const nfd = hf.nfdNormalizer();
const nfkd = hf.nfkdNormalizer();
const stripAccents = hf.stripAccentsNormalizer();
const bert = hf.bertNormalizer({
  cleanText: false,
  handleChineseChars: false,
  stripAccents: true,
  lowercase: false,
});

const characters = [];
for (let code = 0; code < 0x110000; code++) {
  if (code < 0xd800 || code > 0xdfff) characters.push(String.fromCodePoint(code));
}

/** True when canonical order puts b before a, that is, 0 < class of b < class of a. */
const swaps = (a, b, form) => form(a + b) === b + a;
const hfForm = (text) => nfd.normalizeString(text);
const engineForm = (text) => text.normalize("NFD");
const decomposes = (c) => engineForm(c) !== c;
const hasClass = (c, form) => !decomposes(c) && (swaps("\u0301", c, form) || swaps(c, "\u0334", form));

/** Marks of classes by rising class: [class rank from 1 on, character]. Characters of one class are neighbours. */
function classRanks() {
  // Both probes are marks themselves and would not swap with themselves.
  const marks = characters.filter((c) => "\u0301\u0334".includes(c) || hasClass(c, hfForm));
  const representatives = [];
  const rankOf = new Map();
  for (const mark of marks) {
    let place = 0;
    while (place < representatives.length && swaps(mark, representatives[place][0], hfForm)) place++;
    const next = representatives[place];
    if (next !== undefined && !swaps(next[0], mark, hfForm)) next.push(mark);
    else representatives.splice(place, 0, [mark]);
  }
  for (const [i, group] of representatives.entries()) for (const mark of group) rankOf.set(mark.codePointAt(0), i + 1);
  return rankOf;
}

/** Characters that the engine reorders, takes apart or puts together and HF leaves alone. */
function inert() {
  const codes = new Set();
  for (const c of characters) {
    const isNewClass = hasClass(c, engineForm) && !hasClass(c, hfForm);
    const isNewForm = c.normalize("NFKD") !== nfkd.normalizeString(c);
    if (isNewForm && nfkd.normalizeString(c) !== c) throw new Error(`U+${c.codePointAt(0).toString(16)} differs`);
    if (isNewClass || isNewForm) codes.add(c.codePointAt(0));
    // What newer characters are composed of: the parts beyond the first plane are as new as they are.
    if (!isNewForm || !decomposes(c)) continue;
    for (const part of engineForm(c)) if (part > "\uffff" || part.length === 2) codes.add(part.codePointAt(0));
  }
  return [...codes].sort((a, b) => a - b);
}

/** Starters that are put together with the character before them: vowel signs and the like. */
function secondStarters(ranks) {
  const nfc = hf.nfcNormalizer();
  const codes = new Set();
  for (const c of characters) {
    const parts = [...hfForm(c)];
    if (parts.length < 2 || nfc.normalizeString(parts.join("")) !== c) continue;
    const last = parts.at(-1).codePointAt(0);
    if (!ranks.has(last)) codes.add(last);
  }
  return [...codes].sort((a, b) => a - b);
}

function packNumber(value) {
  let [rest, packed] = [value, ""];
  for (; rest >= 32; rest = Math.floor(rest / 32)) packed += DIGITS[32 + (rest % 32)];
  return packed + DIGITS[rest];
}

function packSet(codes) {
  const bounds = [];
  for (const code of codes) {
    if (bounds.at(-1) === code) bounds[bounds.length - 1] = code + 1;
    else bounds.push(code, code + 1);
  }
  return bounds.map((bound, i) => packNumber(bound - (bounds[i - 1] ?? 0))).join("");
}

function packRuns(rankOf) {
  const runs = [];
  for (let code = 0; code < 0x110000; code++) {
    const rank = rankOf.get(code) ?? 0;
    if (runs.at(-1)?.[0] === rank) runs.at(-1)[1]++;
    else runs.push([rank, 1]);
  }
  return runs.flat().map(packNumber).join("");
}

const removedBy = (normalizer) =>
  characters.filter((c) => normalizer.normalizeString(`a${c}`) === "a").map((c) => c.codePointAt(0));
const ranks = classRanks();
const entries = [
  [
    "combiningClassRuns",
    "Runs of (rank of the combining class, 0 for class 0; length) over all code points.",
    "string",
    packRuns(ranks),
  ],
  [
    "secondStarterBounds",
    "Starters that are put together with the character before them.",
    "string",
    packSet(secondStarters(ranks)),
  ],
  [
    "inertBounds",
    "Characters newer than HF's normalization forms, which newer engines would change.",
    "string",
    packSet(inert()),
  ],
  ["markBounds", "What StripAccents removes.", "string", packSet(removedBy(stripAccents))],
  ["bertMarkBounds", "What BertNormalizer removes after NFD.", "string", packSet(removedBy(bert))],
];
const lines = entries.map(
  ([name, text, type, value]) => `/** ${text} */\nexport const ${name}: ${type} =\n  ${JSON.stringify(value)};\n`,
);
const head = "// Generated by scripts/reference/normalizer_tables.mjs from tokenizers 0.23; not edited by hand.\n";
writeFileSync(`${tokenizer}src/normalizers/pinned-data.ts`, `${head}\n${lines.join("\n")}`);
