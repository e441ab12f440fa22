import { FormatError } from "@ds3/errors";

/** A chat template does not parse, refuses the messages, or does not render them as training needs; `operand` says which. */
export class ChatTemplateError extends FormatError {
  static override readonly name: string = "ChatTemplateError";
}
