/**
 * `pod-security.admission.config.k8s.io PodSecurityConfiguration`: what holds in namespaces without labels, and who is exempt. Pure.
 *
 * ```yaml
 * apiVersion: pod-security.admission.config.k8s.io/v1
 * kind: PodSecurityConfiguration
 * defaults: { enforce: baseline, enforce-version: latest, warn: restricted }
 * exemptions: { usernames: [], namespaces: [kube-system], runtimeClasses: [] }
 * ```
 * Each default that is absent or empty is `privileged`, `latest`. The versions v1, v1beta1 and v1alpha1 say the same.
 */
import { duplicate, indexPath, invalidValue } from '../../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../../api/names.ts';
import type { JsonObject, JsonValue } from '../../../api/object.ts';
import type { FieldError } from '../../../api/status-error.ts';
import { checkFields, checkKind, fail, objectAt, textAt, textsAt } from '../settings-reading.ts';
import {
  type LevelVersion,
  latest,
  levelMessage,
  type Mode,
  modes,
  type Policy,
  parseLevel,
  parseVersion,
  privilegedPolicy,
  versionMessage,
} from './policy.ts';

export interface PodSecuritySettings {
  readonly defaults: Policy;
  readonly exempt: {
    readonly usernames: ReadonlySet<string>;
    readonly namespaces: ReadonlySet<string>;
    readonly runtimeClasses: ReadonlySet<string>;
  };
}

const nobody: ReadonlySet<string> = new Set();

export const defaultPodSecuritySettings: PodSecuritySettings = {
  defaults: privilegedPolicy,
  exempt: { usernames: nobody, namespaces: nobody, runtimeClasses: nobody },
};

const group = 'pod-security.admission.config.k8s.io';
const defaultFields = modes.flatMap((mode) => [mode, `${mode}-version`]);

/** What may be named as exempt, and what is wrong with a name. */
const exemptions = {
  usernames: (name: string) => (name === '' ? ['username must not be empty'] : []),
  namespaces: isDns1123Label,
  runtimeClasses: isDns1123Subdomain,
} as const;

/** @throws Error that says which field is wrong */
export function podSecuritySettings(configuration: JsonValue): PodSecuritySettings {
  const root = checkKind(configuration, 'PodSecurityConfiguration', [
    `${group}/v1`,
    `${group}/v1beta1`,
    `${group}/v1alpha1`,
  ]);
  checkFields(root, '', ['apiVersion', 'kind', 'defaults', 'exemptions']);
  const defaults = objectAt(root, '', 'defaults');
  checkFields(defaults, 'defaults', defaultFields);
  const exempt = objectAt(root, '', 'exemptions');
  checkFields(exempt, 'exemptions', Object.keys(exemptions));
  const errors: FieldError[] = [];
  const of = (mode: Mode): LevelVersion => defaultOf(defaults, mode, errors);
  const settings = {
    defaults: { enforce: of('enforce'), warn: of('warn'), audit: of('audit') },
    exempt: {
      namespaces: exemptAt(exempt, 'namespaces', errors),
      runtimeClasses: exemptAt(exempt, 'runtimeClasses', errors),
      usernames: exemptAt(exempt, 'usernames', errors),
    },
  };
  fail(errors);
  return settings;
}

function defaultOf(defaults: JsonObject, mode: Mode, errors: FieldError[]): LevelVersion {
  const [levelName, versionName] = [
    textAt(defaults, 'defaults', mode),
    textAt(defaults, 'defaults', `${mode}-version`),
  ];
  const level = parseLevel(levelName || 'privileged');
  const version = parseVersion(versionName || 'latest');
  if (level === undefined) errors.push(invalidValue(`defaults.${mode}`, levelName, levelMessage));
  if (version === undefined) errors.push(invalidValue(`defaults.${mode}-version`, versionName, versionMessage));
  return { level: level ?? 'privileged', version: version ?? latest };
}

function exemptAt(exempt: JsonObject, field: keyof typeof exemptions, errors: FieldError[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [index, name] of textsAt(exempt, 'exemptions', field).entries()) {
    const path = indexPath(`exemptions.${field}`, index);
    const wrong = exemptions[field](name);
    if (wrong.length > 0) errors.push(invalidValue(path, name, wrong.join(', ')));
    else if (names.has(name)) errors.push(duplicate(path, name));
    names.add(name);
  }
  return names;
}
