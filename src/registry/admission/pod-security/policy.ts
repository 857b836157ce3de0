/**
 * Which Pod Security Standard holds in a namespace, as its labels say: a level and a version of it for each of three modes. Pure.
 *
 * ```
 *  pod-security.kubernetes.io/enforce: baseline            pods that break it are refused
 *  pod-security.kubernetes.io/enforce-version: v1.30       … as that version of Kubernetes understood it; the newest where absent
 *  pod-security.kubernetes.io/audit…, warn…                it is noted in the audit log, the client is told
 * ```
 * Labels that cannot be read are refused when they are written. Where they stand there all the same, enforcing fails closed and the other
 * two modes open. Who enforces a stricter level than clients are warned of warns of it, too.
 */
import { invalidValue, keyPath } from '../../../api/field-error.ts';
import type { FieldError } from '../../../api/status-error.ts';

export const levels = ['privileged', 'baseline', 'restricted'] as const;
/** In the order of strictness. */
export type Level = (typeof levels)[number];

/** The minor version of a `v1.x`, or infinity: the newest. */
export type PolicyVersion = number;
export const latest: PolicyVersion = Number.POSITIVE_INFINITY;

export interface LevelVersion {
  readonly level: Level;
  readonly version: PolicyVersion;
}

export const modes = ['enforce', 'audit', 'warn'] as const;
export type Mode = (typeof modes)[number];
export type Policy = Readonly<Record<Mode, LevelVersion>>;
export type Labels = Readonly<Record<string, string>>;

/** Of labels and of annotations in the audit log. */
export const prefix = 'pod-security.kubernetes.io/';
export const levelMessage = `must be one of ${levels.join(', ')}`;
export const versionMessage = 'must be "latest" or "v1.x"';

const privileged: LevelVersion = { level: 'privileged', version: latest };
/** What holds where neither labels nor the configuration say anything. */
export const privilegedPolicy: Policy = { enforce: privileged, audit: privileged, warn: privileged };

/** What a label that is none of the levels comes to. */
const levelOfUnknown: Readonly<Record<Mode, Level>> = {
  enforce: 'restricted',
  audit: 'privileged',
  warn: 'privileged',
};

export function parseLevel(text: string): Level | undefined {
  return levels.find((level) => level === text);
}

export function parseVersion(text: string): PolicyVersion | undefined {
  if (text === 'latest') return latest;
  const minor = Number(/^v1\.([0-9]|[1-9][0-9]*)$/.exec(text)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(minor) ? minor : undefined;
}

export const versionText = (version: PolicyVersion): string => (version === latest ? 'latest' : `v1.${version}`);

/** `restricted:v1.30`. */
export const levelVersionText = ({ level, version }: LevelVersion): string => `${level}:${versionText(version)}`;

/** Above zero where `a` is stricter. */
export const compareLevels = (a: Level, b: Level): number => levels.indexOf(a) - levels.indexOf(b);

export const sameLevelVersion = (a: LevelVersion, b: LevelVersion): boolean =>
  a.level === b.level && a.version === b.version;

export const isPrivileged = (policy: Policy): boolean => modes.every((mode) => policy[mode].level === 'privileged');

/** Does the one ask the same as the other? Versions of `privileged` do not differ. */
export function isEquivalent(a: Policy, b: Policy): boolean {
  const anything = (one: LevelVersion): boolean => one.level === 'privileged';
  return modes.every((mode) => (anything(a[mode]) && anything(b[mode])) || sameLevelVersion(a[mode], b[mode]));
}

export interface ReadPolicy {
  readonly policy: Policy;
  /** What is wrong with the labels. */
  readonly errors: readonly FieldError[];
}

export function readPolicy(labels: Labels, defaults: Policy): ReadPolicy {
  const errors: FieldError[] = [];
  const [enforce, audit, warn] = modes.map((mode) => readMode(labels, mode, defaults[mode], errors)) as [
    LevelVersion,
    LevelVersion,
    LevelVersion,
  ];
  const enforced = parseLevel(labels[`${prefix}enforce`] ?? '');
  const saysNothing = labels[`${prefix}warn`] === undefined && enforced !== undefined;
  if (!saysNothing || compareLevels(enforced, warn.level) <= 0) return { policy: { enforce, audit, warn }, errors };
  const version = labels[`${prefix}warn-version`] === undefined ? enforce.version : warn.version;
  return { policy: { enforce, audit, warn: { level: enforced, version } }, errors };
}

function readMode(labels: Labels, mode: Mode, preset: LevelVersion, errors: FieldError[]): LevelVersion {
  const read = <T>(name: string, parse: (text: string) => T | undefined, message: string): T | 'bad' | undefined => {
    const text = labels[prefix + name];
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value !== undefined) return value;
    errors.push(invalidValue(keyPath('metadata.labels', prefix + name), text, message));
    return 'bad';
  };
  const level = read(mode, parseLevel, levelMessage) ?? preset.level;
  const version = read(`${mode}-version`, parseVersion, versionMessage) ?? preset.version;
  return { level: level === 'bad' ? levelOfUnknown[mode] : level, version: version === 'bad' ? latest : version };
}
