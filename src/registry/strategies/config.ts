/** ConfigMaps, Secrets, ServiceAccounts, and the quotas and limits of a namespace. */
import type { ConfigMap, LimitRange, ResourceQuota, Secret, ServiceAccount } from '../../api/schema/types/core-v1.ts';
import { setLimitRangeDefaults } from '../defaults/cluster.ts';
import type { Draft } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import {
  validateConfigMap,
  validateConfigMapUpdate,
  validateSecret,
  validateSecretUpdate,
} from '../validation/config.ts';
import { validateQuantities } from '../validation/resources.ts';

export const configMapStrategy: Strategy<ConfigMap> = {
  validate: validateConfigMap,
  validateUpdate: validateConfigMapUpdate,
};

export const secretStrategy: Strategy<Secret> = {
  setDefaults: setSecretDefaults,
  prepareForUpdate(secret, old) {
    if (!secret.type && old.type) secret.type = old.type;
  },
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
  fields: { type: ({ type }) => type ?? '' },
};

/** `stringData` is a way to write data without base64; it is never stored, nor shown. */
function setSecretDefaults(secret: Draft<Secret>): void {
  if (!secret.type) secret.type = 'Opaque';
  const { stringData } = secret;
  if (stringData === undefined) return;
  delete secret.stringData;
  const encoded = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  secret.data = { ...secret.data, ...(Object.fromEntries(encoded) as Record<string, string>) };
}

export const serviceAccountStrategy: Strategy<ServiceAccount> = { returnDeletedObject: true };

export const limitRangeStrategy: Strategy<LimitRange> = {
  allowCreateOnUpdate: true,
  setDefaults: setLimitRangeDefaults,
};

export const resourceQuotaStrategy: Strategy<ResourceQuota> = {
  returnDeletedObject: true,
  validate: ({ spec }) => validateQuantities('spec.hard', spec?.hard),
};
