import { StateError } from "@ds3/errors";
import type { Storage } from "./storage.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Owns what ops allocate while it is the innermost open scope, and frees it at the end, also on throw.
 *
 * ```ts
 * using step = gpu.scope("step");
 * const loss = step.keep(crossEntropy(model(ids), targets));
 * ```
 */
export class Scope {
  readonly label: string;
  readonly #stack: ScopeStack;
  readonly #owned = new Set<Storage>();
  #open = true;

  /** Scopes come from `gpu.scope()`. */
  constructor(stack: ScopeStack, label: string) {
    this.#stack = stack;
    this.label = label;
  }

  /** Moves a tensor's memory to the enclosing scope. Returns the tensor. */
  keep<T extends Tensor>(tensor: T): T {
    const { storage } = tensor;
    if (this.#owned.delete(storage)) this.#stack.parentOf(this).adopt(storage);
    return tensor;
  }

  /** Frees what the scope owns. Scopes close in the reverse order of opening. */
  close(): void {
    if (!this.#open) return;
    this.#stack.pop(this);
    this.#open = false;
    for (const storage of this.#owned) storage.release();
    this.#owned.clear();
  }

  /**
   * Runs `fn` with this scope as the owner of what it allocates, however many scopes are open inside and whichever
   * handle is in use: for caches that live as long as the model that was made here. Scopes that `fn` opens own their
   * own; what they keep goes to this scope.
   */
  own<T>(fn: () => T): T {
    return this.#stack.ownedBy(this, fn);
  }

  /** Takes over one reference to a storage. */
  adopt(storage: Storage): void {
    // A scope holds one reference to each storage; a second one is given back.
    if (this.#owned.has(storage)) storage.release();
    else this.#owned.add(storage);
  }

  /** Frees one tensor before the scope ends. True when this scope owned it. */
  free(storage: Storage): boolean {
    if (!this.#owned.delete(storage)) return false;
    storage.release();
    return true;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The open scopes of one `gpu` handle, innermost last. The first one is the handle's own. */
export class ScopeStack {
  readonly #scopes: Scope[] = [];
  readonly #enter: <T>(fn: () => T) => T;
  /** A scope that stands in for the innermost one, as long as no further scope is opened. */
  #owner: { readonly scope: Scope; readonly depth: number } | undefined;

  /** `enter` makes this stack's handle the one that allocates while a function runs. */
  constructor(enter: <T>(fn: () => T) => T) {
    this.#enter = enter;
    this.#scopes.push(new Scope(this, "gpu"));
  }

  /** Who owns what is allocated now. */
  get current(): Scope {
    const innermost = this.#scopes.at(-1);
    if (!innermost) throw closedError("gpu", "an open gpu handle", "a closed one");
    return this.#scopes.length === this.#owner?.depth ? this.#owner.scope : innermost;
  }

  /** Runs `fn` with `scope` as the owner of allocations. */
  ownedBy<T>(scope: Scope, fn: () => T): T {
    if (!this.#scopes.includes(scope)) throw closedError(scope.label, "an open scope", "a closed one");
    const before = this.#owner;
    this.#owner = { scope, depth: this.#scopes.length };
    try {
      return this.#enter(fn);
    } finally {
      this.#owner = before;
    }
  }

  push(label: string): Scope {
    const scope = new Scope(this, label);
    this.#scopes.push(scope);
    return scope;
  }

  parentOf(scope: Scope): Scope {
    const index = this.#scopes.indexOf(scope);
    if (index < 0) throw closedError(scope.label, "an open scope", "a closed one");
    return index === this.#owner?.depth ? this.#owner.scope : this.#scopes[Math.max(0, index - 1)]!;
  }

  pop(scope: Scope): void {
    const current = this.#scopes.at(-1)!;
    if (current !== scope) {
      const actual = `"${scope.label}" closed while "${current.label}" is still open`;
      throw closedError(scope.label, `"${current.label}" to close first`, actual);
    }
    this.#scopes.pop();
  }

  /** Frees everything, innermost first. */
  closeAll(): void {
    while (this.#scopes.length > 0) this.#scopes.at(-1)!.close();
  }

  /** Frees one tensor's memory in whichever scope owns it. True when one of these did. */
  free(storage: Storage): boolean {
    return this.#scopes.some((scope) => scope.free(storage));
  }
}

function closedError(operand: string, expected: string, actual: string): StateError {
  return new StateError({
    op: "scope",
    operand: `"${operand}"`,
    expected,
    actual,
    hint: "Two async tasks on one gpu handle interleave: give each its own gpu.fork().",
  });
}
