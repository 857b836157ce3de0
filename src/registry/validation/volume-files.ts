/** Volumes whose files the API gives: secrets, config maps, facts about the pod, tokens, and all of these in one folder. */
import { forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import type {
  ClusterTrustBundleProjection,
  DownwardAPIVolumeFile,
  KeyToPath,
  ServiceAccountTokenProjection,
  VolumeProjection,
  VolumeSource,
} from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { requiredText, validateLabelSelector } from './checks.ts';
import { validateFieldRef, validateResourceFieldRef, volumeFieldPaths } from './container-env.ts';
import { fileMode, localFile } from './paths.ts';
import type { PodOptions } from './pod-options.ts';
import { signerNameErrors, signerOfTrustBundle, trustBundleNameErrors } from './signer-names.ts';

type Source<K extends keyof VolumeSource> = NonNullable<VolumeSource[K]>;

export function validateSecretVolume(path: string, { secretName, defaultMode, items }: Source<'secret'>): FieldError[] {
  return [
    ...requiredText(`${path}.secretName`, secretName),
    ...fileMode(`${path}.defaultMode`, defaultMode),
    ...validateItems(`${path}.items`, items),
  ];
}

export function validateConfigMapVolume(path: string, { name, defaultMode, items }: Source<'configMap'>): FieldError[] {
  return [
    ...requiredText(`${path}.name`, name),
    ...fileMode(`${path}.defaultMode`, defaultMode),
    ...validateItems(`${path}.items`, items),
  ];
}

function validateItems(path: string, items: readonly KeyToPath[] | undefined): FieldError[] {
  return (items ?? []).flatMap((item, index) => validateItem(`${path}[${index}]`, item));
}

function validateItem(path: string, { key, path: file = '', mode }: Partial<KeyToPath>): FieldError[] {
  return [
    ...requiredText(`${path}.key`, key),
    ...requiredText(`${path}.path`, file),
    ...localFile(`${path}.path`, file),
    ...fileMode(`${path}.mode`, mode),
  ];
}

/** Upstream names the volume, not the item. */
export function validateDownwardVolume(path: string, { defaultMode, items }: Source<'downwardAPI'>): FieldError[] {
  return [
    ...fileMode(`${path}.defaultMode`, defaultMode),
    ...(items ?? []).flatMap((item) => validateDownwardFile(path, item)),
  ];
}

function validateDownwardFile(path: string, item: Partial<DownwardAPIVolumeFile>): FieldError[] {
  const { path: file = '', fieldRef, resourceFieldRef, mode } = item;
  const errors = [...requiredText(`${path}.path`, file), ...localFile(`${path}.path`, file)];
  if (fieldRef) {
    errors.push(...validateFieldRef(`${path}.fieldRef`, fieldRef, volumeFieldPaths));
    if (resourceFieldRef) {
      errors.push(invalidValue(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    }
  } else if (resourceFieldRef) {
    errors.push(...validateResourceFieldRef(`${path}.resourceFieldRef`, resourceFieldRef, true));
  } else errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  return [...errors, ...fileMode(`${path}.mode`, mode)];
}

export function validateProjectedVolume(
  path: string,
  { defaultMode, sources }: Source<'projected'>,
  options: PodOptions,
): FieldError[] {
  const errors = fileMode(`${path}.defaultMode`, defaultMode);
  const taken = new Set<string>();
  for (const [index, source] of (sources ?? []).entries()) {
    errors.push(...validateProjection(path, `${path}.sources[${index}]`, source, taken, options));
  }
  return errors;
}

/** All sources are looked at, though only one may be given. */
function validateProjection(
  path: string,
  at: string,
  { secret, configMap, downwardAPI, serviceAccountToken: token, clusterTrustBundle: bundle }: VolumeProjection,
  taken: Set<string>,
  options: PodOptions,
): FieldError[] {
  const errors: FieldError[] = [];
  const take = (file: string | undefined, value: string): void => {
    if (!file) return;
    if (taken.has(file)) errors.push(invalidValue(path, value, 'conflicting duplicate paths'));
    taken.add(file);
  };
  for (const [kind, source] of [['secret', secret] as const, ['configMap', configMap] as const]) {
    if (source === undefined) continue;
    errors.push(...requiredText(`${at}.${kind}.name`, source.name));
    for (const [index, item] of (source.items ?? []).entries()) {
      errors.push(...validateItem(`${at}.${kind}.items[${index}]`, item));
      take(item.path, source.name ?? '');
    }
  }
  for (const item of downwardAPI?.items ?? []) {
    errors.push(...validateDownwardFile(`${at}.downwardAPI`, item));
    take(item.path, item.path);
  }
  if (token) errors.push(...validateToken(path, `${at}.serviceAccountToken`, token, options));
  if (bundle) {
    errors.push(...validateBundle(`${at}.clusterTrustBundle`, bundle));
    take(bundle.path, bundle.path);
  }
  if ([secret, configMap, downwardAPI, token, bundle].filter(Boolean).length > 1) {
    errors.push(forbiddenField(at, 'may not specify more than 1 volume type per source'));
  }
  return errors;
}

function validateBundle(at: string, bundle: ClusterTrustBundleProjection): FieldError[] {
  const path = bundle.path ?? '';
  return [...bundleChoiceErrors(at, bundle), ...requiredText(`${at}.path`, path), ...localFile(`${at}.path`, path)];
}

/** One bundle by its name, or all of a signer that the labels choose. */
function bundleChoiceErrors(at: string, bundle: ClusterTrustBundleProjection): FieldError[] {
  const { name, signerName, labelSelector } = bundle;
  if (name !== undefined && signerName !== undefined) {
    return [invalidValue(at, bundle, 'only one of name and signerName may be used')];
  }
  if (signerName !== undefined) {
    const empty = signerName === '' ? [required(`${at}.signerName`, 'must be a valid signer name')] : [];
    const selector = validateLabelSelector(`${at}.labelSelector`, labelSelector);
    return [...empty, ...signerNameErrors(`${at}.signerName`, signerName), ...selector];
  }
  if (name === undefined) return [required(at, 'either name or signerName must be specified')];
  const errors = name === '' ? [required(`${at}.name`, 'must be a valid object name')] : [];
  for (const problem of trustBundleNameErrors(name, signerOfTrustBundle(name))) {
    errors.push(invalidValue(`${at}.name`, name, `not a valid clustertrustbundlename: ${problem}`));
  }
  if (labelSelector === undefined) return errors;
  const why = 'labelSelector must be unset if name is specified';
  return [...errors, invalidValue(`${at}.labelSelector`, labelSelector, why)];
}

const tokenSecondsMin = 10 * 60;
const tokenSecondsMax = 2 ** 32;

/** Upstream names the projection where the token's path is at fault. */
function validateToken(
  path: string,
  at: string,
  token: ServiceAccountTokenProjection,
  { tolerated }: PodOptions,
): FieldError[] {
  const seconds = token.expirationSeconds ?? 0;
  const errors: FieldError[] = [];
  if (seconds < tokenSecondsMin) {
    const detail = 'may not specify a duration less than 10 minutes';
    errors.push(invalidValue(`${at}.expirationSeconds`, seconds, detail));
  }
  if (seconds > tokenSecondsMax) {
    const detail = 'may not specify a duration larger than 2^32 seconds';
    errors.push(invalidValue(`${at}.expirationSeconds`, seconds, detail));
  }
  if (!token.path) return [...errors, required(`${path}.path`)];
  return tolerated.has('token paths') ? errors : [...errors, ...localFile(`${path}.path`, token.path)];
}
