export {
  createLanguageStage,
  type LanguageModelSize,
  type LanguageOptions,
  type LanguageResult,
  type LanguageStage,
  UNDETERMINED,
} from "./filters/language-stage.ts";
