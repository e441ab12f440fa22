/** The methods of iterators that jax-js calls and Node has from 22 on. */
const HELPERS = {
  *map<T, U>(this: Iterable<T>, fn: (value: T, index: number) => U): Generator<U> {
    let index = 0;
    for (const value of this) yield fn(value, index++);
  },
  *filter<T>(this: Iterable<T>, accepts: (value: T, index: number) => boolean): Generator<T> {
    let index = 0;
    for (const value of this) if (accepts(value, index++)) yield value;
  },
  *flatMap<T, U>(this: Iterable<T>, fn: (value: T) => Iterable<U>): Generator<U> {
    for (const value of this) yield* fn(value);
  },
  some<T>(this: Iterable<T>, accepts: (value: T) => boolean): boolean {
    for (const value of this) if (accepts(value)) return true;
    return false;
  },
  every<T>(this: Iterable<T>, accepts: (value: T) => boolean): boolean {
    for (const value of this) if (!accepts(value)) return false;
    return true;
  },
  find<T>(this: Iterable<T>, accepts: (value: T) => boolean): T | undefined {
    for (const value of this) if (accepts(value)) return value;
    return undefined;
  },
  forEach<T>(this: Iterable<T>, fn: (value: T) => void): void {
    for (const value of this) fn(value);
  },
  reduce<T, U>(this: Iterable<T>, fn: (sum: U, value: T) => U, start: U): U {
    let sum = start;
    for (const value of this) sum = fn(sum, value);
    return sum;
  },
  toArray<T>(this: Iterable<T>): T[] {
    return [...this];
  },
};

/** Gives this process's iterators the methods above where the engine has none of that name. */
export function provideIteratorHelpers(): void {
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object;
  for (const [name, value] of Object.entries(HELPERS)) {
    if (!(name in prototype)) Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  }
}
