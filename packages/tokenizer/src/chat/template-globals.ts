/** What every chat template can call, beside Jinja's own: as transformers and Jinja define it, in English anywhere. */
import { Environment } from "@huggingface/jinja";

/** A scope with the names that templates may use unasked; variables of a rendering belong in a scope inside it. */
export function templateGlobals(): Environment {
  const globals = new Environment();
  for (const [name, value] of Object.entries(GLOBALS)) globals.set(name, value);
  return globals;
}

const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  range,
  raise_exception: (message: unknown): never => {
    throw new Error(String(message));
  },
  strftime_now: (form: string): string => strftime(new Date(), form),
};

/** Python's range: the numbers from `start` on, by `step`, before `stop`; with one argument from 0. */
function range(first: number, stop?: number, step?: number): number[] {
  const by = step ?? 1;
  if (by === 0) throw new RangeError("range() arg 3 must not be zero");
  const [from, to] = stop === undefined ? [0, first] : [first, stop];
  return Array.from({ length: Math.max(0, Math.ceil((to - from) / by)) }, (_, i) => from + i * by);
}

const MONTHS = "January February March April May June July August September October November December".split(" ");
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const two = (value: number): string => String(value).padStart(2, "0");

const DIRECTIVES: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => String(date.getFullYear()),
  y: (date) => two(date.getFullYear() % 100),
  m: (date) => two(date.getMonth() + 1),
  B: (date) => MONTHS[date.getMonth()]!,
  b: (date) => MONTHS[date.getMonth()]!.slice(0, 3),
  d: (date) => two(date.getDate()),
  A: (date) => DAYS[date.getDay()]!,
  a: (date) => DAYS[date.getDay()]!.slice(0, 3),
  H: (date) => two(date.getHours()),
  I: (date) => two(date.getHours() % 12 || 12),
  M: (date) => two(date.getMinutes()),
  S: (date) => two(date.getSeconds()),
  p: (date) => (date.getHours() < 12 ? "AM" : "PM"),
  "%": () => "%",
};

/** A date in the form that Python's strftime takes. @throws an Error for a directive that is not known here. */
export function strftime(date: Date, form: string): string {
  return form.replace(/%(-?)(.)/gs, (whole, bare: string, directive: string) => {
    const write = Object.hasOwn(DIRECTIVES, directive) ? DIRECTIVES[directive] : undefined;
    if (write === undefined) throw new Error(`strftime_now knows no ${whole}; known: ${Object.keys(DIRECTIVES)}`);
    return bare === "" ? write(date) : write(date).replace(/^0(?=.)/, "");
  });
}
