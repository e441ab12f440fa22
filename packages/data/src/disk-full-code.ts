/** What a system's refusal says when there is no space left, or a quota is used up; undefined for other causes. */
export function diskFullCode(cause: unknown): "ENOSPC" | "EDQUOT" | undefined {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT" ? code : undefined;
}
