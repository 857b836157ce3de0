/**
 * The form of the file that says how values are sealed: `apiserver.config.k8s.io/v1 EncryptionConfiguration`, with upstream's rules and
 * texts. Pure.
 *
 * naru seals with `aesgcm`, opens `aescbc`, too, and leaves values as they are under `identity`. What it does not do (`secretbox`, `kms`) is
 * refused by name: to ignore a provider would mean to lose what it sealed. No text carries a key.
 */
import { goQuote, indexPath, invalidValue, required } from '../../api/field-error.ts';
import type { FieldError } from '../../api/status-error.ts';
import { formOf, type SealingProvider, type SealingRule } from './sealing.ts';

export interface ConfiguredKey {
  readonly name: string;
  /** Base64. */
  readonly secret: string;
}

export interface ConfiguredProvider {
  readonly aesgcm?: { readonly keys: readonly ConfiguredKey[] };
  readonly aescbc?: { readonly keys: readonly ConfiguredKey[] };
  readonly identity?: Readonly<Record<string, never>>;
}

export interface ConfiguredRule {
  readonly resources: readonly string[];
  readonly providers: readonly ConfiguredProvider[];
}

export interface EncryptionConfiguration {
  readonly apiVersion: typeof configurationVersion;
  readonly kind: typeof configurationKind;
  readonly resources: readonly ConfiguredRule[];
}

export const configurationVersion = 'apiserver.config.k8s.io/v1';
export const configurationKind = 'EncryptionConfiguration';

type Fields = Readonly<Record<string, unknown>>;

/** AES-128, -192 and -256. */
const keyBytes = [16, 24, 32];
const unsupported = {
  secretbox: 'naru does not seal with secretbox; use aesgcm',
  kms: 'naru does not call KMS plugins; use aesgcm',
} as const;
const providerNames = ['aesgcm', 'aescbc', 'identity', ...Object.keys(unsupported)];
/** Upstream's stores that are no API. */
const withoutApi = new Set(['apiserveripinfo', 'serviceipallocations', 'servicenodeportallocations']);

/** @param value the file's document. @throws Error whose message completes "the file … is not valid: " */
export function readConfiguration(value: unknown): EncryptionConfiguration {
  const problem = shapeProblem(value);
  if (problem !== undefined) throw new Error(problem);
  const configuration = value as EncryptionConfiguration;
  const errors = resourceErrors(configuration);
  const masked = errors.length === 0 ? (maskedRule(configuration) ?? ambiguousKey(configuration)) : undefined;
  if (masked !== undefined) throw new Error(masked);
  const [first] = errors;
  if (first === undefined) return configuration;
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  throw new Error(texts.length === 1 ? `${first.field}: ${first.message}` : `[${texts.join(', ')}]`);
}

/** What the store works with. `configuration` must have been read by `readConfiguration`. */
export function sealingOf({ resources }: EncryptionConfiguration): SealingRule[] {
  return resources.map((rule) => ({ resources: rule.resources, providers: rule.providers.flatMap(sealingProviders) }));
}

function sealingProviders({ aesgcm, aescbc }: ConfiguredProvider): SealingProvider[] {
  const kind = aesgcm ? 'aesgcm' : 'aescbc';
  const keys = (aesgcm ?? aescbc)?.keys;
  if (!keys) return [{ kind: 'identity' }];
  return keys.map(({ name, secret }) => ({ kind, name, secret: new Uint8Array(Buffer.from(secret, 'base64')) }));
}

/** Types and unknown names: the rules below may then rely on them. */
function shapeProblem(value: unknown): string | undefined {
  if (!isFields(value)) return 'it holds no object';
  const { apiVersion, kind, resources } = value;
  if (apiVersion !== configurationVersion || kind !== configurationKind) {
    return `it must be ${configurationVersion} ${configurationKind}, not ${String(apiVersion)} ${String(kind)}`;
  }
  return (
    unknownField(value, ['apiVersion', 'kind', 'resources'], '') ??
    listProblem(resources, 'resources', (rule, path) => {
      if (!isFields(rule)) return `${path} must be an object`;
      return (
        unknownField(rule, ['resources', 'providers'], path) ??
        listProblem(rule['resources'], `${path}.resources`, textProblem) ??
        listProblem(rule['providers'], `${path}.providers`, providerProblem)
      );
    })
  );
}

function providerProblem(provider: unknown, path: string): string | undefined {
  if (!isFields(provider)) return `${path} must be an object`;
  const unknown = unknownField(provider, providerNames, path);
  if (unknown !== undefined) return unknown;
  for (const [name, settings] of Object.entries(provider)) {
    const at = `${path}.${name}`;
    if (settings === null) continue;
    if (!isFields(settings)) return `${at} must be an object`;
    if (name in unsupported) return `${at}: ${unsupported[name as keyof typeof unsupported]}`;
    const found =
      unknownField(settings, name === 'identity' ? [] : ['keys'], at) ??
      listProblem(settings['keys'], `${at}.keys`, keyProblem);
    if (found !== undefined) return found;
  }
  return undefined;
}

function keyProblem(key: unknown, path: string): string | undefined {
  if (!isFields(key)) return `${path} must be an object`;
  return (
    unknownField(key, ['name', 'secret'], path) ??
    textProblem(key['name'] ?? '', `${path}.name`) ??
    textProblem(key['secret'] ?? '', `${path}.secret`)
  );
}

function listProblem(
  list: unknown,
  path: string,
  problem: (element: unknown, path: string) => string | undefined,
): string | undefined {
  if (list === undefined) return undefined;
  if (!Array.isArray(list)) return `${path} must be a list`;
  for (const [index, element] of list.entries()) {
    const found = problem(element, indexPath(path, index));
    if (found !== undefined) return found;
  }
  return undefined;
}

function textProblem(value: unknown, path: string): string | undefined {
  return typeof value === 'string' ? undefined : `${path} must be a string`;
}

function unknownField(fields: Fields, known: readonly string[], path: string): string | undefined {
  const name = Object.keys(fields).find((each) => !known.includes(each));
  return name === undefined ? undefined : `unknown field ${goQuote(path === '' ? name : `${path}.${name}`)}`;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function resourceErrors({ resources = [] }: Partial<EncryptionConfiguration>): FieldError[] {
  if (resources.length === 0) return [required('resources', 'at least one resources is required')];
  return resources.flatMap(({ resources: names = [], providers = [] }: Partial<ConfiguredRule>, index) => {
    const path = indexPath('resources', index);
    return [
      ...atLeastOne(names, `${path}.resources`),
      ...overlapErrors(names, `${path}.resources`),
      ...names.flatMap((name, each) => nameErrors(name, indexPath(`${path}.resources`, each))),
      ...atLeastOne(providers, `${path}.providers`),
      ...providers.flatMap((provider, each) => providerErrors(provider, indexPath(`${path}.providers`, each), each)),
    ];
  });
}

function atLeastOne(list: readonly unknown[], path: string): FieldError[] {
  return list.length === 0 ? [required(path, `at least one ${path} is required`)] : [];
}

interface GroupResource {
  readonly resource: string;
  readonly group: string;
}

function parseName(name: string): GroupResource {
  const dot = name.indexOf('.');
  return dot < 0 ? { resource: name, group: '' } : { resource: name.slice(0, dot), group: name.slice(dot + 1) };
}

const isEverything = ({ resource, group }: GroupResource): boolean => resource === '*' && group === '*';

function overlapErrors(names: readonly string[], path: string): FieldError[] {
  const parsed = names.map(parseName);
  const pairs = parsed.flatMap((a, i) => parsed.filter((_, j) => j !== i).map((b) => [a, b] as const));
  const same = (a: GroupResource, b: GroupResource): boolean => a.group === b.group && a.resource === b.resource;
  const errors: FieldError[] = [];
  if (pairs.some(([a, b]) => same(a, b))) {
    errors.push(invalidValue(path, names, 'the same resource cannot be specified multiple times'));
  }
  const overlaps = ([a, b]: readonly [GroupResource, GroupResource]): boolean =>
    !same(a, b) && (isEverything(a) || (a.group === b.group && (a.resource === '*' || b.resource === '*')));
  if (pairs.some(overlaps)) {
    const detail =
      "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked";
    errors.push(invalidValue(path, names, detail));
  }
  return errors;
}

function nameErrors(name: string, path: string): FieldError[] {
  const detail = nameProblem(name);
  return detail === undefined ? [] : [invalidValue(path, name, detail)];
}

function nameProblem(name: string): string | undefined {
  const { resource, group } = parseName(name);
  if (name.toLowerCase() !== name) return 'resource name should not contain capital letters';
  if (name === '*') {
    return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources";
  }
  if (withoutApi.has(name)) return 'resources which do not have REST API/s cannot be encrypted';
  if (group === 'events.k8s.io') {
    return "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file";
  }
  if (group === 'extensions') return "'extensions' group has been removed and cannot be used for encryption";
  if (group === '*' && resource !== '*') return 'encrypting the same resource across groups is not supported';
  return undefined;
}

function providerErrors(provider: ConfiguredProvider, path: string, index: number): FieldError[] {
  const chosen = Object.values(provider).filter((settings) => settings !== null);
  if (chosen.length !== 1) {
    const detail =
      chosen.length === 0
        ? 'provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity'
        : 'more than one provider specified in a single element, should split into different list elements';
    // The value would show the keys.
    return [invalidValue(path, 'REDACTED', detail)];
  }
  if (provider.aescbc && index === 0) {
    const detail = 'naru opens values of aescbc and seals none with it; put an aesgcm provider in front';
    return [invalidValue(`${path}.aescbc`, 'REDACTED', detail)];
  }
  const [name, settings] = provider.aesgcm ? ['aesgcm', provider.aesgcm] : ['aescbc', provider.aescbc];
  return settings ? keyErrors(settings.keys ?? [], `${path}.${name}.keys`) : [];
}

function keyErrors(keys: readonly ConfiguredKey[], path: string): FieldError[] {
  if (keys.length === 0) return [required(path, 'at least one keys is required')];
  return keys.flatMap(({ name, secret }, index) => {
    const at = indexPath(path, index);
    return [
      ...(name ? [] : [required(`${at}.name`, 'name is a mandatory field for a key')]),
      ...secretErrors(secret, at),
    ];
  });
}

function secretErrors(secret: string | undefined, path: string): FieldError[] {
  const at = `${path}.secret`;
  if (!secret) return [required(at, 'secret is a mandatory field for a key')];
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(secret.replace(/[\r\n]/g, ''))) {
    return [invalidValue(at, 'REDACTED', 'secrets must be base64 encoded')];
  }
  const { length } = Buffer.from(secret, 'base64');
  if (keyBytes.includes(length)) return [];
  const detail = `secret is not of the expected length, got ${length}, expected one of [${keyBytes.join(' ')}]`;
  return [invalidValue(at, 'REDACTED', detail)];
}

/** A rule that an earlier, wider one would hide. */
function maskedRule({ resources }: EncryptionConfiguration): string | undefined {
  const earlier: GroupResource[] = [];
  for (const rule of resources) {
    const before = [...earlier];
    for (const name of rule.resources) {
      const parsed = parseName(name);
      const mask = before.find((wide) => wide.resource === '*' && (wide.group === parsed.group || isEverything(wide)));
      if (mask !== undefined) {
        return `resource ${goQuote(shown(parsed))} is masked by earlier rule ${goQuote(shown(mask))}`;
      }
      earlier.push(parsed);
    }
  }
  return undefined;
}

/** A value names its key by kind and name alone. */
function ambiguousKey(configuration: EncryptionConfiguration): string | undefined {
  const secrets = new Map<string, Uint8Array>();
  for (const provider of sealingOf(configuration).flatMap(({ providers }) => providers)) {
    if (provider.kind === 'identity') continue;
    const form = formOf(provider);
    if (Buffer.compare(secrets.get(form) ?? provider.secret, provider.secret) !== 0) {
      return `the ${provider.kind} key ${goQuote(provider.name)} is listed with two secrets; give each its own name`;
    }
    secrets.set(form, provider.secret);
  }
  return undefined;
}

function shown({ resource, group }: GroupResource): string {
  return group === '' && resource !== '*' ? resource : `${resource}.${group}`;
}
