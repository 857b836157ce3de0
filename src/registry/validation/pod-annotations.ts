/** Annotations that mean something to pods: mirrors of static pods, profiles from before there were fields, costs. */
import { childPath, forbiddenField, invalidValue, keyPath } from '../../api/field-error.ts';
import type { AppArmorProfile, PodSpec, SeccompProfile } from '../../api/schema/types/core-v1.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { localPath } from './paths.ts';
import { forEachContainer, hasContainer } from './pod-containers.ts';
import type { PodOptions } from './pod-options.ts';

type Annotations = Readonly<Record<string, string>>;

export const mirrorAnnotation = 'kubernetes.io/config.mirror';
export const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';
export const seccompAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
export const seccompPrefix = 'container.seccomp.security.alpha.kubernetes.io/';
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';

const profileLocalhost = 'localhost/';

export function validatePodAnnotations(
  path: string,
  annotations: Annotations | undefined,
  spec: PodSpec,
  options: PodOptions,
): FieldError[] {
  if (annotations === undefined) return [];
  const errors: FieldError[] = [];
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName) {
    const detail = 'must set spec.nodeName if mirror pod annotation is set';
    errors.push(invalidValue(keyPath(path, mirrorAnnotation), mirror, detail));
  }
  const cost = annotations[deletionCost];
  if (cost !== undefined && !options.tolerated.has('deletion cost') && !isCost(cost)) {
    errors.push(invalidValue(keyPath(path, deletionCost), cost, 'must be a 32bit integer'));
  }
  return [...errors, ...validateSeccomps(path, annotations), ...validateAppArmors(path, annotations, spec)];
}

/** An int32 without a plus sign and, above zero, without leading zeros. */
function isCost(text: string): boolean {
  if (!/^(0|[1-9][0-9]*|-[0-9]+)$/.test(text)) return false;
  return Number(text) >= -(2 ** 31) && Number(text) < 2 ** 31;
}

function validateSeccomps(path: string, annotations: Annotations): FieldError[] {
  const errors: FieldError[] = [];
  const ofPod = annotations[seccompAnnotation];
  if (ofPod !== undefined) errors.push(...validateSeccompName(childPath(path, seccompAnnotation), ofPod));
  for (const [key, profile] of Object.entries(annotations)) {
    if (key.startsWith(seccompPrefix)) errors.push(...validateSeccompName(childPath(path, key), profile));
  }
  return errors;
}

const seccompNames = ['runtime/default', 'docker/default', 'unconfined'];

function validateSeccompName(path: string, profile: string): FieldError[] {
  if (seccompNames.includes(profile)) return [];
  if (profile.startsWith(profileLocalhost)) return localPath(path, profile.slice(profileLocalhost.length));
  return [invalidValue(path, profile, 'must be a valid seccomp profile')];
}

function validateAppArmors(path: string, annotations: Annotations, spec: PodSpec): FieldError[] {
  return Object.entries(annotations).flatMap(([key, profile]) => {
    if (!key.startsWith(appArmorPrefix)) return [];
    const container = key.slice(appArmorPrefix.length);
    const at = keyPath(path, key);
    const errors = hasContainer(spec, container) ? [] : [invalidValue(at, container, 'container not found')];
    const known = ['', 'runtime/default', 'unconfined'].includes(profile) || profile.startsWith(profileLocalhost);
    if (!known) errors.push(invalidValue(at, profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`));
    return errors;
  });
}

/** Where both an annotation and a field name a profile, they name the same. Asked of what is new. */
export function validateProfilesMatch(path: string, metadata: ObjectMeta | undefined, spec: PodSpec): FieldError[] {
  const annotations = metadata?.annotations;
  if (annotations === undefined) return [];
  return [...seccompMismatches(path, annotations, spec), ...appArmorMismatches(path, annotations, spec)];
}

const seccompTypes: Readonly<Record<string, readonly string[]>> = {
  Unconfined: ['unconfined'],
  RuntimeDefault: ['runtime/default', 'docker/default'],
};

const appArmorTypes: Readonly<Record<string, readonly string[]>> = {
  Unconfined: ['unconfined'],
  RuntimeDefault: ['runtime/default'],
};

function seccompMismatches(path: string, annotations: Annotations, spec: PodSpec): FieldError[] {
  const compare = (at: string, key: string, profile: SeccompProfile | undefined): FieldError[] =>
    mismatch(`${at}.securityContext.seccompProfile`, annotations[key], profile, seccompTypes, 'seccomp');
  const errors = compare(path, seccompAnnotation, spec.securityContext?.seccompProfile);
  forEachContainer(path, spec, ({ name, securityContext }, at) => {
    errors.push(...compare(at, seccompPrefix + name, securityContext?.seccompProfile));
  });
  return errors;
}

function appArmorMismatches(path: string, annotations: Annotations, spec: PodSpec): FieldError[] {
  if (spec.os?.name === 'windows') return [];
  const errors: FieldError[] = [];
  forEachContainer(path, spec, ({ name, securityContext }, at) => {
    const profile = securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile;
    const where = `${at}.securityContext.appArmorProfile`;
    errors.push(...mismatch(where, annotations[appArmorPrefix + name], profile, appArmorTypes, 'apparmor'));
  });
  return errors;
}

function mismatch(
  path: string,
  annotation: string | undefined,
  profile: AppArmorProfile | SeccompProfile | undefined,
  types: Readonly<Record<string, readonly string[]>>,
  what: string,
): FieldError[] {
  if (annotation === undefined || profile === undefined) return [];
  const type = forbiddenField(`${path}.type`, `${what} type in annotation and field must match`);
  const names = types[profile.type];
  if (names !== undefined) return names.includes(annotation) ? [] : [type];
  if (profile.type !== 'Localhost') return [];
  if (!annotation.startsWith(profileLocalhost)) return [type];
  if (annotation.slice(profileLocalhost.length) === profile.localhostProfile) return [];
  return [forbiddenField(`${path}.localhostProfile`, `${what} profile in annotation and field must match`)];
}

/** What may become of these annotations when a pod changes. */
export function validatePodAnnotationsUpdate(path: string, now: Annotations = {}, old: Annotations = {}): FieldError[] {
  const errors: FieldError[] = [];
  const refuse = (key: string, apparmor: string, mirror: string): void => {
    if (key.startsWith(appArmorPrefix)) errors.push(forbiddenField(keyPath(path, key), `may not ${apparmor}`));
    if (key === mirrorAnnotation) errors.push(forbiddenField(keyPath(path, key), `may not ${mirror}`));
  };
  for (const [key, value] of Object.entries(old)) {
    if (Object.hasOwn(now, key) && now[key] === value) continue;
    refuse(key, 'remove or update AppArmor annotations', 'remove or update mirror pod annotation');
  }
  for (const key of Object.keys(now)) {
    if (!Object.hasOwn(old, key)) refuse(key, 'add AppArmor annotations', 'add mirror pod annotation');
  }
  return errors;
}
