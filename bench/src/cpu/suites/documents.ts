import type { Document } from "@ds3/data";
import type { TextInput } from "../suite-messages.ts";
import { TEXT_KINDS, type TextKind } from "../texts/text-kind.ts";

const LANGUAGE: Readonly<Record<TextKind, string>> = { english: "en", chinese: "zh", code: "code" };

/** The texts as documents, with the language that they are known to have. */
export function documentsOf({ texts }: Pick<TextInput, "texts">): Document[] {
  return TEXT_KINDS.flatMap((kind) =>
    texts[kind].map((text, i) => ({ text, source: `${kind}:${i}`, corpus: kind, language: LANGUAGE[kind] })),
  );
}
