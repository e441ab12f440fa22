#!/usr/bin/env node
import { Ds3Error } from "@ds3/errors";
import { Command, Option } from "commander";
import { doctor } from "./doctor.ts";
import { type InstallOptions, installSoftwareGpu } from "./install-software-gpu.ts";
import { removeSoftwareGpu } from "./remove-software-gpu.ts";
import { driverSources, findSoftwareGpu } from "./software-driver.ts";

type Options = Pick<InstallOptions, "cacheFolder" | "source" | "force">;

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const printError = (line: string): void => void process.stderr.write(`${line}\n`);

const source = new Option("--source <name>", "one source alone").choices(driverSources);
const cacheFolder = new Option("--cache-folder <folder>", "where drivers are kept (default: the user's cache)");

const program = new Command("software-gpu").description(
  "A software Vulkan driver for machines without a GPU. Exit codes: 0 done, 1 there is no adapter or driver.",
);

program
  .command("install")
  .description("fetch a driver into the user's cache, unless Dawn accepts an adapter of the system")
  .addOption(source)
  .addOption(cacheFolder)
  .option("--force", "install although the system has an adapter")
  .action(async (options: Options) => void (await installSoftwareGpu({ ...options, onMessage: print })));

program
  .command("doctor")
  .description("print what Dawn sees and what to do")
  .addOption(cacheFolder)
  .action(async (options: Options) => {
    const { ok, lines } = await doctor(options);
    for (const line of lines) print(line);
    if (!ok) process.exitCode = 1;
  });

program
  .command("path")
  .description("print the folder of the cached driver")
  .addOption(source)
  .addOption(cacheFolder)
  .action((options: Options) => {
    const driver = findSoftwareGpu(options);
    if (driver) return print(driver.folder);
    printError("No driver is cached. Run `npx @ds3/software-gpu install`.");
    process.exitCode = 1;
  });

program
  .command("remove")
  .description("delete the cached drivers")
  .addOption(source)
  .addOption(cacheFolder)
  .action(async (options: Options) => {
    const removed = await removeSoftwareGpu(options);
    for (const { folder } of removed) print(`Removed ${folder}`);
    if (removed.length === 0) print("Nothing to remove.");
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!Ds3Error.is(error)) throw error;
  printError((error as Ds3Error).message);
  process.exitCode = 1;
}
