import { createC4 } from "../filters/c4.ts";
import { createFineweb } from "../filters/fineweb.ts";
import { createGopherQuality } from "../filters/gopher-quality.ts";
import { createGopherRepetition } from "../filters/gopher-repetition.ts";
import type { SettingsByLanguage } from "../filters/language-settings.ts";
import type { LanguageOptions } from "../filters/language-stage.ts";
import { createNormalizer } from "../normalize-text.ts";
import type { DocumentStage } from "../stage.ts";
import type { FilterChoice } from "./build-config.ts";
import type { BuildSettings } from "./resolve-build.ts";

/** The stages of the first pass, in FineWeb's order. @throws ConfigError, OutOfRangeError for their settings. */
export async function createStages({ normalize, language, filters }: BuildSettings): Promise<DocumentStage[]> {
  const { gopherRepetition = true, gopherQuality = true, c4 = false, fineweb = false } = filters;
  const stages: (DocumentStage | undefined)[] = [
    normalize === false ? undefined : createNormalizer(normalize === true ? {} : normalize),
    await createLanguage(language),
    chosen(gopherRepetition, createGopherRepetition),
    chosen(gopherQuality, createGopherQuality),
    chosen(c4, createC4),
    chosen(fineweb, createFineweb),
  ];
  return stages.filter((stage) => stage !== undefined);
}

async function createLanguage(choice: boolean | LanguageOptions): Promise<DocumentStage | undefined> {
  if (choice === false) return undefined;
  const { createLanguageStage } = await import("../filters/language-stage.ts");
  return createLanguageStage(choice === true ? {} : choice);
}

function chosen<S>(
  choice: FilterChoice<S>,
  create: (settings?: SettingsByLanguage<S>) => DocumentStage,
): DocumentStage | undefined {
  if (choice === false) return undefined;
  return create(choice === true ? undefined : choice);
}
