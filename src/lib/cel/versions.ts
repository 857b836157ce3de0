/** Kubernetes' functions of semantic versions (`semver('1.2.3').isLessThan(…)`), as a library. */
import { EvaluationError } from '@marcbachmann/cel-js';
import { compareVersions, normalVersion, parseVersion, type Version } from '../version.ts';
import type { CelLibrary } from './library.ts';

export class Semver {
  readonly version: Version;

  constructor(version: Version) {
    this.version = version;
  }
}

const read = (text: string, isLoose: boolean): Version | undefined =>
  parseVersion(isLoose ? normalVersion(text) : text);

function semver(text: string, isLoose = false): Semver {
  const version = read(text, isLoose);
  if (version === undefined) throw new EvaluationError(`"${text}" is not a semantic version`);
  return new Semver(version);
}

const compare = (a: Semver, b: Semver): number => compareVersions(a.version, b.version);

export const versionLibrary: CelLibrary = {
  name: 'versions',
  types: [{ name: 'Semver', constructor: Semver, fields: {} }],
  functions: {
    'semver(string): Semver': semver,
    'semver(string, bool): Semver': semver,
    'isSemver(string): bool': (text: string) => read(text, false) !== undefined,
    'isSemver(string, bool): bool': (text: string, isLoose: boolean) => read(text, isLoose) !== undefined,
    'Semver.isGreaterThan(Semver): bool': (a: Semver, b: Semver) => compare(a, b) > 0,
    'Semver.isLessThan(Semver): bool': (a: Semver, b: Semver) => compare(a, b) < 0,
    'Semver.compareTo(Semver): int': (a: Semver, b: Semver) => BigInt(compare(a, b)),
    'Semver.major(): int': ({ version }: Semver) => version.major,
    'Semver.minor(): int': ({ version }: Semver) => version.minor,
    'Semver.patch(): int': ({ version }: Semver) => version.patch,
  },
  operators: { 'Semver == Semver': (a: Semver, b: Semver) => compare(a, b) === 0 },
};
