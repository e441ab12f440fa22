import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AptSources } from "./apt-sources.ts";

/**
 * The text of a private apt configuration: own state, cache and sources under `root`, nothing of the system is written.
 *
 * It is read after the system's configuration, so proxies and mirrors of the user hold; what would act on the system
 * (hooks, pins, extra indexes) is cleared. Signatures are verified, also where the system's configuration allows packages
 * without any.
 */
export function aptConfig(root: string): string {
  return `Dir::State "${root}/state";
Dir::State::status "${root}/state/status";
Dir::Cache "${root}/cache";
Dir::Log "${root}/log";
Dir::Etc::sourcelist "${root}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Post-Invoke;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::CNF;
APT::Sandbox::User "root";
APT::Install-Recommends "false";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
`;
}

/** Lays out the private apt under `root` and returns the path of its configuration file. */
export async function writeAptRoot(root: string, sources: AptSources): Promise<string> {
  for (const folder of ["state/lists/partial", "cache/archives/partial", "log"]) {
    await mkdir(join(root, folder), { recursive: true });
  }
  // An empty status file: no package counts as installed, so every needed library is fetched.
  await writeFile(join(root, "state/status"), "");
  await writeFile(join(root, "sources.list"), `${sources.lines.join("\n")}\n`);
  const config = join(root, "apt.conf");
  await writeFile(config, aptConfig(root));
  return config;
}
