/** ConfigMaps, Secrets, ServiceAccounts, and the quotas and limits of a namespace. */
import type { ConfigMap, LimitRange, ResourceQuota, Secret, ServiceAccount } from '../../api/schema/types/core-v1.ts';
import { setLimitRangeDefaults, setResourceQuotaDefaults } from '../defaults/cluster.ts';
import { roundAmounts } from '../defaults/pod-resources.ts';
import type { Draft } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import {
  validateConfigMap,
  validateConfigMapUpdate,
  validateSecret,
  validateSecretUpdate,
} from '../validation/config.ts';
import {
  validateLimitRange,
  validateResourceQuota,
  validateResourceQuotaStatus,
  validateResourceQuotaUpdate,
} from '../validation/quota.ts';
import { secretWarnings } from '../validation/secret-warnings.ts';

export const configMapStrategy: Strategy<ConfigMap> = {
  validate: validateConfigMap,
  updateRules: 'change first',
  validateUpdate: validateConfigMapUpdate,
};

export const secretStrategy: Strategy<Secret> = {
  setDefaults: setSecretDefaults,
  prepareForUpdate(secret, old) {
    if (!secret.type && old.type) secret.type = old.type;
  },
  validate: validateSecret,
  updateRules: 'change first',
  validateUpdate: validateSecretUpdate,
  warnings: secretWarnings,
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

const mountableSecrets = 'kubernetes.io/enforce-mountable-secrets';

export const serviceAccountStrategy: Strategy<ServiceAccount> = {
  returnDeletedObject: true,
  prepareForCreate: nameSecrets,
  prepareForUpdate: nameSecrets,
  validate: () => [],
  warnings({ metadata }, old) {
    const value = metadata?.annotations?.[mountableSecrets];
    if (value === undefined || value === old?.metadata?.annotations?.[mountableSecrets]) return [];
    const advice = 'prefer separate namespaces to isolate access to mounted secrets';
    return [`metadata.annotations[${mountableSecrets}]: deprecated in v1.32+; ${advice}`];
  },
};

/** Of its secrets, which stand beside it, only the names. */
function nameSecrets(account: Draft<ServiceAccount>): void {
  account.secrets &&= account.secrets.map(({ name }) => (name === undefined ? {} : { name }));
}

/** One without a name is called by its uid. */
export const limitRangeStrategy: Strategy<LimitRange> = {
  allowCreateOnUpdate: true,
  setDefaults: setLimitRangeDefaults,
  prepareForCreate({ metadata }) {
    if (metadata?.uid && !metadata.name) metadata.name = metadata.uid;
  },
  validate: validateLimitRange,
};

export const resourceQuotaStrategy: Strategy<ResourceQuota> = {
  returnDeletedObject: true,
  setDefaults: setResourceQuotaDefaults,
  prepareForStatusUpdate({ status }) {
    roundAmounts(status?.hard);
    roundAmounts(status?.used);
  },
  validate: validateResourceQuota,
  validateUpdate: validateResourceQuotaUpdate,
  validateStatusUpdate: validateResourceQuotaStatus,
};
