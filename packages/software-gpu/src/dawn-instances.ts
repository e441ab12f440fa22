const KEY = Symbol.for("@ds3/dawn");

/** Every Dawn instance of the process. Retired ones stay referenced: a collected instance crashes the process. */
interface DawnInstances {
  readonly current: Map<string, GPU>;
  readonly retired: GPU[];
}

/** The process-wide table, shared by all copies of this package. */
export function dawnInstances(): DawnInstances {
  const holder = globalThis as { [KEY]?: DawnInstances };
  holder[KEY] ??= { current: new Map(), retired: [] };
  return holder[KEY];
}

/** Makes the next `getDawn` create a new instance: an instance looks for the Vulkan loader once and remembers. */
export function retireDawnInstances(): void {
  const { current, retired } = dawnInstances();
  retired.push(...current.values());
  current.clear();
}
