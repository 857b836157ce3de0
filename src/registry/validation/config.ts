/** The rules of the kinds that carry configuration: ConfigMap, Secret, ServiceAccount. */
import { forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import { isConfigMapKey } from '../../api/names.ts';
import type { ConfigMap, Secret } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { immutable, invalidEach } from './checks.ts';

/** All data of one object (bytes); upstream's `MaxSecretSize`. */
const dataBytesMax = 1024 * 1024;

const tooLargeMessage = (path: string): FieldError => ({
  reason: 'FieldValueTooLong',
  field: path,
  message: `Too long: may not be more than ${dataBytesMax} bytes`,
});

export function validateConfigMap({ data = {}, binaryData = {} }: ConfigMap): FieldError[] {
  const errors = [
    ...Object.keys(data).flatMap((key) => invalidEach(`data[${key}]`, key, isConfigMapKey(key))),
    ...Object.keys(binaryData).flatMap((key) => invalidEach(`binaryData[${key}]`, key, isConfigMapKey(key))),
  ];
  for (const key of Object.keys(binaryData)) {
    if (data[key] !== undefined)
      errors.push(invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'));
  }
  const text = Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value), 0);
  const bytes = Object.values(binaryData).reduce((sum, value) => sum + base64Bytes(value), text);
  // The object as a whole: upstream's path without a name.
  if (bytes > dataBytesMax) errors.push(tooLargeMessage('[]'));
  return errors;
}

/** How many bytes a base64 text stands for. */
function base64Bytes(text: string): number {
  return Math.floor((text.replace(/=+$/, '').length * 3) / 4);
}

export function validateConfigMapUpdate(object: ConfigMap, old: ConfigMap): FieldError[] {
  if (!old.immutable) return [];
  return [
    ...staysImmutable(object.immutable),
    ...frozenField('data', object.data, old.data),
    ...frozenField('binaryData', object.binaryData, old.binaryData),
  ];
}

function staysImmutable(now: boolean | undefined): FieldError[] {
  return now ? [] : [forbiddenField('immutable', 'field is immutable when `immutable` is set')];
}

function frozenField(path: string, now: object | undefined, old: object | undefined): FieldError[] {
  return sameJson(now ?? {}, old ?? {}) ? [] : [forbiddenField(path, 'field is immutable when `immutable` is set')];
}

/** What must be in a Secret of a type that others read. */
const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

const dockerConfigKeys = new Set(['.dockercfg', '.dockerconfigjson']);

export function validateSecret(secret: Secret): FieldError[] {
  const data = secret.data ?? {};
  const errors = Object.keys(data).flatMap((key) => invalidEach(`data[${key}]`, key, isConfigMapKey(key)));
  const bytes = Object.values(data).reduce((sum, value) => sum + base64Bytes(value), 0);
  if (bytes > dataBytesMax) errors.push(tooLargeMessage('data'));
  return [...errors, ...validateSecretType(secret, data)];
}

function validateSecretType(secret: Secret, data: Readonly<Record<string, string>>): FieldError[] {
  const type = secret.type ?? '';
  if (type === 'kubernetes.io/service-account-token') {
    const path = 'metadata.annotations[kubernetes.io/service-account.name]';
    return secret.metadata?.annotations?.['kubernetes.io/service-account.name'] ? [] : [required(path)];
  }
  if (type === 'kubernetes.io/basic-auth') {
    if (data['username'] !== undefined || data['password'] !== undefined) return [];
    return [required('data[username]'), required('data[password]')];
  }
  return (requiredKeys[type] ?? []).flatMap((key) => validateSecretKey(key, data[key]));
}

function validateSecretKey(key: string, value: string | undefined): FieldError[] {
  const path = `data[${key}]`;
  if (value === undefined) return [required(path)];
  if (!dockerConfigKeys.has(key)) return [];
  try {
    JSON.parse(Buffer.from(value, 'base64').toString());
    return [];
  } catch {
    // The value is secret: it stays out of the message.
    return [invalidValue(path, '<secret contents redacted>', 'must be valid JSON')];
  }
}

export function validateSecretUpdate(secret: Secret, old: Secret): FieldError[] {
  const errors = immutable('type', secret.type, secret.type === old.type);
  if (!old.immutable) return errors;
  return [...errors, ...staysImmutable(secret.immutable), ...frozenField('data', secret.data, old.data)];
}
