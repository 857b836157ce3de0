/** The rules of the kinds that carry configuration: ConfigMap, Secret, ServiceAccount. */
import { parseJson } from '../../api/decode-json.ts';
import { forbiddenField, invalidValue, required, tooLong } from '../../api/field-error.ts';
import { isConfigMapKey } from '../../api/names.ts';
import type { ConfigMap, Secret } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { immutable, invalidEach, requiredText } from './checks.ts';

/** All data of one object (bytes); upstream's `MaxSecretSize`. */
const dataBytesMax = 1024 * 1024;

export function validateConfigMap(configMap: ConfigMap): FieldError[] {
  const data = configMap.data ?? {};
  const binaryData = configMap.binaryData ?? {};
  const errors = Object.keys(data).flatMap((key) => validateTextKey(key, binaryData));
  for (const key of Object.keys(binaryData)) errors.push(...validateKey('binaryData', key));
  const text = Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value), 0);
  const bytes = Object.values(binaryData).reduce((sum, value) => sum + base64Bytes(value), text);
  // The object as a whole: upstream's path without a name.
  if (bytes > dataBytesMax) errors.push(tooLong('[]', dataBytesMax));
  return errors;
}

function validateTextKey(key: string, binaryData: object): FieldError[] {
  const errors = validateKey('data', key);
  if (!Object.hasOwn(binaryData, key)) return errors;
  return [...errors, invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData')];
}

function validateKey(field: 'data' | 'binaryData', key: string): FieldError[] {
  return invalidEach(`${field}[${key}]`, key, isConfigMapKey(key));
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
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

const dockerConfigKeys = new Set(['.dockercfg', '.dockerconfigjson']);
const accountNameKey = 'kubernetes.io/service-account.name';

export function validateSecret(secret: Secret): FieldError[] {
  const data = secret.data ?? {};
  const errors = Object.keys(data).flatMap((key) => validateKey('data', key));
  const bytes = Object.values(data).reduce((sum, value) => sum + base64Bytes(value), 0);
  if (bytes > dataBytesMax) errors.push(tooLong('data', dataBytesMax));
  return [...errors, ...validateSecretType(secret, data)];
}

function validateSecretType(secret: Secret, data: Readonly<Record<string, string>>): FieldError[] {
  switch (secret.type) {
    case 'kubernetes.io/service-account-token':
      return requiredText(`metadata.annotations[${accountNameKey}]`, secret.metadata?.annotations?.[accountNameKey]);
    case 'kubernetes.io/basic-auth':
      if (data['username'] !== undefined || data['password'] !== undefined) return [];
      return [required('data[username]'), required('data[password]')];
    case 'kubernetes.io/ssh-auth':
      return requiredText('data[ssh-privatekey]', data['ssh-privatekey']);
    case undefined:
      return [];
    default: {
      const keys = Object.hasOwn(requiredKeys, secret.type) ? requiredKeys[secret.type] : undefined;
      return (keys ?? []).flatMap((key) => validateSecretKey(key, data[key]));
    }
  }
}

function validateSecretKey(key: string, value: string | undefined): FieldError[] {
  const path = `data[${key}]`;
  if (value === undefined) return [required(path)];
  if (!dockerConfigKeys.has(key)) return [];
  const problem = objectProblem(Buffer.from(value, 'base64').toString());
  // The value is secret: it stays out of the message.
  return problem === undefined ? [] : [invalidValue(path, '<secret contents redacted>', problem)];
}

/** Why a text is no JSON object, in Go's words. */
function objectProblem(text: string): string | undefined {
  try {
    const { value } = parseJson(text);
    const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    if (type === 'object') return undefined;
    return `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
  } catch (error) {
    return (error as Error).message;
  }
}

export function validateSecretUpdate(secret: Secret, old: Secret): FieldError[] {
  const errors = immutable('type', secret.type, secret.type === old.type);
  if (!old.immutable) return errors;
  return [...errors, ...staysImmutable(secret.immutable), ...frozenField('data', secret.data, old.data)];
}
