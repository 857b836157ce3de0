/** Kubernetes' functions of semantic versions: `semver('1.2.3').isLessThan(…)`. */
import { fixedCost, traversal } from '../../../lib/cel/costs.ts';
import type { CelImplementation, CelLibrary, CelOverload } from '../../../lib/cel/declarations.ts';
import { CelOpaque, fault } from '../../../lib/cel/values.ts';
import { compareVersions, normalVersion, parseVersion, type Version } from '../../../lib/version.ts';
import { goQuote } from '../../field-error.ts';

const typeName = 'kubernetes.Semver';

export class SemverValue extends CelOpaque {
  readonly typeName = typeName;
  readonly version: Version;

  constructor(version: Version) {
    super();
    this.version = version;
  }

  equals(other: this): boolean {
    return compareVersions(this.version, other.version) === 0;
  }
}

const read = (text: string, isLoose = false): Version | undefined => parseVersion(isLoose ? normalVersion(text) : text);

function semver(text: string, isLoose = false): SemverValue {
  const version = read(text, isLoose);
  return version === undefined ? fault(problemOf(text, isLoose)) : new SemverValue(version);
}

/** In the words of the library that upstream reads versions with. */
function problemOf(text: string, isLoose: boolean): string {
  if (text === '') return 'Version string empty';
  const parts = text.split('.', 3);
  if (parts.length < 3) {
    return isLoose ? 'short version cannot contain PreRelease/Build meta data' : 'No Major.Minor.Patch elements found';
  }
  const [major = '', minor = ''] = parts;
  const rest = text.split('.').slice(2).join('.');
  const patch = /^[^-+]*/.exec(rest)?.[0] ?? '';
  for (const [name, number] of [
    ['major', major],
    ['minor', minor],
    ['patch', patch],
  ] as const) {
    if (!/^[0-9]*$/.test(number)) return `Invalid character(s) found in ${name} number ${goQuote(number)}`;
    if (number.length > 1 && number.startsWith('0')) {
      return `${name[0]?.toUpperCase()}${name.slice(1)} number must not contain leading zeroes ${goQuote(number)}`;
    }
  }
  return `Invalid character(s) found in prerelease ${goQuote(rest.slice(patch.length + 1))}`;
}

const compare = (a: SemverValue, b: SemverValue): number => compareVersions(a.version, b.version);

const nominal = fixedCost(1);
const cheap = (run: CelImplementation): CelOverload => ({ run, cost: nominal });
const parsing = (run: CelImplementation): CelOverload => ({ run, cost: traversal(0) });

export const semverLibrary: CelLibrary = {
  name: 'kubernetes.Semver',
  types: [typeName],
  functions: {
    'semver(string): kubernetes.Semver': parsing((text: string) => semver(text)),
    'semver(string, bool): kubernetes.Semver': parsing(semver),
    'isSemver(string): bool': parsing((text: string) => read(text) !== undefined),
    'isSemver(string, bool): bool': parsing((text: string, isLoose: boolean) => read(text, isLoose) !== undefined),
    'kubernetes.Semver.isGreaterThan(kubernetes.Semver): bool': cheap(
      (a: SemverValue, b: SemverValue) => compare(a, b) > 0,
    ),
    'kubernetes.Semver.isLessThan(kubernetes.Semver): bool': cheap(
      (a: SemverValue, b: SemverValue) => compare(a, b) < 0,
    ),
    'kubernetes.Semver.compareTo(kubernetes.Semver): int': cheap((a: SemverValue, b: SemverValue) =>
      BigInt(compare(a, b)),
    ),
    'kubernetes.Semver.major(): int': cheap(({ version }: SemverValue) => version.major),
    'kubernetes.Semver.minor(): int': cheap(({ version }: SemverValue) => version.minor),
    'kubernetes.Semver.patch(): int': cheap(({ version }: SemverValue) => version.patch),
  },
};
