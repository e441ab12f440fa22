import { expect, test } from "vitest";
import { chooseAptSources, parseIndexTargets } from "./apt-sources.ts";

const bookworm = { id: "debian", versionId: "12", codename: "bookworm" };
const noble = { id: "ubuntu", versionId: "24.04", codename: "noble" };
const noFile = (): boolean => false;

const targets = parseIndexTargets(`http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm non-free
http://mirror.example/debian-security/ bookworm-security main
https://deb.example.com/node_20.x/ nodistro main

`);

test("the rows of indextargets are read, other lines are not", () => {
  expect(targets).toHaveLength(5);
  expect(targets[3]).toEqual({
    uri: "http://mirror.example/debian-security/",
    suite: "bookworm-security",
    component: "main",
  });
});

test("Debian 12 keeps its own mirror, adds backports there, and leaves foreign sources out", () => {
  expect(chooseAptSources(bookworm, targets, noFile)).toEqual({
    preferredSuite: "bookworm-backports",
    lines: [
      "deb http://mirror.example/debian/ bookworm main",
      "deb http://mirror.example/debian-security/ bookworm-security main",
      "deb http://mirror.example/debian/ bookworm-backports main",
    ],
  });
});

test("signatures are checked against the distribution's keyring, and are never switched off", () => {
  const sources = chooseAptSources(bookworm, [], (path) => path.endsWith("debian-archive-keyring.gpg"));
  for (const line of sources!.lines) {
    expect(line).toMatch(/^deb \[signed-by=\/usr\/share\/keyrings\/debian-archive-keyring\.gpg\] http/);
  }
});

test("a system without sources gets the archive with its updates; newer releases need no backports", () => {
  const { lines, preferredSuite } = chooseAptSources(noble, [], noFile)!;
  expect(preferredSuite).toBeUndefined();
  expect(lines).toEqual([
    "deb http://archive.ubuntu.com/ubuntu noble main",
    "deb http://archive.ubuntu.com/ubuntu noble universe",
    "deb http://archive.ubuntu.com/ubuntu noble-updates main",
    "deb http://archive.ubuntu.com/ubuntu noble-updates universe",
  ]);
});

test("other distributions have no apt source", () => {
  expect(chooseAptSources({ id: "fedora", versionId: "42", codename: "" }, targets, noFile)).toBeUndefined();
});
