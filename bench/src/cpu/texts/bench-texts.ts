import { datasetTexts } from "./dataset-texts.ts";
import { codeTexts, manualTexts } from "./installed-texts.ts";
import { makeChinese } from "./made-chinese.ts";
import { bytesOf, selectTexts } from "./select-texts.ts";
import { kindOfProse, TEXT_KINDS, type TextKind } from "./text-kind.ts";

/** What is measured on. */
export interface BenchTexts {
  /** Pieces of each kind. */
  readonly texts: Readonly<Record<TextKind, readonly string[]>>;
  /** Where they are from and how large they are, for a note. */
  readonly origin: string;
}

/** Bytes of each kind. */
const BYTES = 2_000_000;

/**
 * About 2 MB of English, Chinese and code each. Prose from the folder of data sets; without it Markdown of installed
 * packages, and Chinese made of a vocabulary's words. Code always from the repository and an installed package.
 * @param root of the repository.
 * @param datasets files of data sets, none where there are none.
 * @param vocabulary gives the tokens of a tokenizer that knows Chinese words; asked for where there is no other Chinese.
 */
export function benchTexts(root: string, datasets: readonly string[], vocabulary: () => Iterable<string>): BenchTexts {
  const found: Record<"english" | "chinese", string[]> = { english: [], chinese: [] };
  for (const text of datasetTexts(datasets)) {
    const kind = kindOfProse(text);
    if (kind !== undefined) found[kind].push(text);
  }
  const texts = {
    english: selectTexts(found.english.length > 0 ? found.english : manualTexts(root), BYTES),
    chinese: selectTexts(found.chinese.length > 0 ? found.chinese : makeChinese(vocabulary(), BYTES), BYTES),
    code: selectTexts(codeTexts(root), BYTES),
  };
  return { texts, origin: describe(texts, { english: found.english.length > 0, chinese: found.chinese.length > 0 }) };
}

function describe(texts: BenchTexts["texts"], isDataset: Readonly<Record<"english" | "chinese", boolean>>): string {
  const origins = {
    english: isDataset.english ? "data sets" : "Markdown of installed packages",
    chinese: isDataset.chinese ? "data sets" : "words of the vocabulary drawn at random",
    code: "the repository and tfjs-layers",
  };
  const size = (kind: TextKind): string => (bytesOf(texts[kind]) / 1e6).toFixed(1);
  return TEXT_KINDS.map((kind) => `${kind} ${size(kind)} MB of ${origins[kind]}`).join(", ");
}
