// Never ends by itself: prints what its signals do.
import { abortOnSignals } from "../src/index.ts";

using abort = abortOnSignals({ onAbort: (name) => console.log(`aborted by ${name}`) });
console.log("ready");
await new Promise((resolve) => setTimeout(resolve, 60_000));
console.log(`never: ${abort.signal.aborted}`);
