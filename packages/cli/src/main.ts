#!/usr/bin/env node
import { runCli } from "./run-cli.ts";

// A reader that has seen enough, such as `head`, closes the pipe: no failure of the command.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
process.exitCode = await runCli(process.argv.slice(2));
