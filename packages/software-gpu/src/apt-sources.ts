import { existsSync } from "node:fs";
import type { OsRelease } from "./os-release.ts";

/** A package source that the system has configured. */
export interface AptTarget {
  readonly uri: string;
  readonly suite: string;
  readonly component: string;
}

/** What the private apt is given: lines of sources.list, and the suite to prefer, if any. */
export interface AptSources {
  readonly lines: readonly string[];
  readonly preferredSuite: string | undefined;
}

interface Archive {
  readonly uri: string;
  readonly keyrings: readonly string[];
  readonly components: readonly string[];
}

const archives: Readonly<Record<string, Archive>> = {
  debian: {
    uri: "http://deb.debian.org/debian",
    keyrings: ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"],
    components: ["main"],
  },
  ubuntu: {
    uri: "http://archive.ubuntu.com/ubuntu",
    keyrings: ["/usr/share/keyrings/ubuntu-archive-keyring.gpg"],
    components: ["main", "universe"],
  },
};

/** Distributions whose own Mesa is older than 25, which Dawn rejects, but whose backports have a newer one. */
const needsBackports: readonly string[] = ["bookworm"];

/** The output of `apt-get indextargets --format "$(REPO_URI) $(RELEASE) $(COMPONENT)"`, one target a line. */
export function parseIndexTargets(text: string): AptTarget[] {
  const rows = text.split("\n").map((line) => line.trim().split(/\s+/));
  return rows
    .filter((row) => row.length === 3)
    .map(([uri, suite, component]) => ({ uri, suite, component }) as AptTarget);
}

/**
 * The sources for a private apt: the system's own lines for its release (so that the user's mirror is used), else the
 * distribution's archive, and on Debian 12 its backports. Other software sources of the system are left out. Signatures
 * are checked against the distribution's keyring; without a keyring file apt checks against the keys that it trusts.
 *
 * Undefined when the distribution is neither Debian nor Ubuntu.
 */
export function chooseAptSources(
  os: OsRelease,
  targets: readonly AptTarget[],
  fileExists: (path: string) => boolean = existsSync,
): AptSources | undefined {
  const archive = archives[os.id];
  if (!archive || os.codename === "") return undefined;
  const suites = ["", "-updates", "-security"].map((suffix) => os.codename + suffix);
  const own = targets.filter(
    (target) => suites.includes(target.suite) && archive.components.includes(target.component),
  );
  const base = own.some((target) => target.suite === os.codename) ? own : officialTargets(archive, os.codename);
  const backports = `${os.codename}-backports`;
  const preferredSuite = needsBackports.includes(os.codename) ? backports : undefined;
  const mirror = base.find((target) => target.suite === os.codename)!.uri;
  const all = preferredSuite ? [...base, { uri: mirror, suite: backports, component: "main" }] : base;
  const keyring = archive.keyrings.find((path) => fileExists(path));
  const option = keyring ? `[signed-by=${keyring}] ` : "";
  const lines = all.map(({ uri, suite, component }) => `deb ${option}${uri} ${suite} ${component}`);
  return { lines: [...new Set(lines)], preferredSuite };
}

/** The archive itself, with its updates: Ubuntu 24.04's Mesa 25 is one. */
function officialTargets({ uri, components }: Archive, codename: string): AptTarget[] {
  const suites = [codename, `${codename}-updates`];
  return suites.flatMap((suite) => components.map((component) => ({ uri, suite, component })));
}
