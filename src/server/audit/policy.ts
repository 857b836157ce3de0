/**
 * `audit.k8s.io/v1` Policy: which requests are written down, and how much of them. Pure.
 *
 * The first rule that matches decides; what no rule matches is not written down. The whole file is checked at the start, with
 * the path of each field that is wrong: a policy that is half understood would leave out what somebody counts on.
 */
import type { JsonObject, JsonValue } from '../../api/object.ts';
import type { AuthorizationAttributes } from '../../registry/request.ts';

export type AuditLevel = 'None' | 'Metadata' | 'Request' | 'RequestResponse';
export type AuditStage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic';

interface GroupResources {
  readonly group: string;
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
}

interface Rule {
  readonly level: AuditLevel;
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly resources: readonly GroupResources[];
  readonly namespaces: readonly string[];
  readonly nonResourceURLs: readonly string[];
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

export interface AuditDecision {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

const notAudited: AuditDecision = { level: 'None', omitStages: new Set(), omitManagedFields: false };

export class AuditPolicy {
  readonly #rules: readonly Rule[];

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  decide(attributes: AuthorizationAttributes): AuditDecision {
    return this.#rules.find((rule) => matches(rule, attributes)) ?? notAudited;
  }
}

/** Several things may be wrong; the message names each with its path. */
export class AuditPolicyError extends Error {
  override name = 'AuditPolicyError';
}

const levels: readonly string[] = ['None', 'Metadata', 'Request', 'RequestResponse'];
const stages: readonly string[] = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'];
const policyFields = ['apiVersion', 'kind', 'metadata', 'rules', 'omitStages', 'omitManagedFields'];
const ruleFields = [
  'level',
  'users',
  'userGroups',
  'verbs',
  'resources',
  'namespaces',
  'nonResourceURLs',
  'omitStages',
  'omitManagedFields',
];
const resourceFields = ['group', 'resources', 'resourceNames'];

/** @throws AuditPolicyError */
export function parsePolicy(value: JsonValue): AuditPolicy {
  const reader = new Reader();
  const policy = reader.object(value, 'the policy', policyFields);
  if (policy['apiVersion'] !== 'audit.k8s.io/v1') reader.wrong('apiVersion', 'must be audit.k8s.io/v1');
  if (policy['kind'] !== 'Policy') reader.wrong('kind', 'must be Policy');
  const omitted = reader.stages(policy['omitStages'], 'omitStages');
  const omitManagedFields = reader.flag(policy['omitManagedFields'], 'omitManagedFields') ?? false;
  const rules = reader
    .list(policy['rules'], 'rules')
    .map((rule, index) => readRule(reader, rule, `rules[${index}]`, omitted, omitManagedFields));
  if (rules.length === 0) reader.wrong('rules', 'must have at least one rule');
  reader.finish();
  return new AuditPolicy(rules);
}

function readRule(
  reader: Reader,
  value: JsonValue,
  path: string,
  omitted: readonly AuditStage[],
  omitManagedFields: boolean,
): Rule {
  const rule = reader.object(value, path, ruleFields);
  const { level } = rule;
  if (level === undefined) reader.wrong(`${path}.level`, 'Required value');
  else if (typeof level !== 'string' || !levels.includes(level)) {
    reader.wrong(`${path}.level`, `Unsupported value: ${JSON.stringify(level)}: supported values: ${quoted(levels)}`);
  }
  const strings = (field: string): string[] => reader.strings(rule[field], `${path}.${field}`);
  const resources = reader
    .list(rule['resources'], `${path}.resources`)
    .map((each, index) => readResources(reader, each, `${path}.resources[${index}]`));
  const made: Rule = {
    level: level as AuditLevel,
    users: strings('users'),
    userGroups: strings('userGroups'),
    verbs: strings('verbs'),
    namespaces: strings('namespaces'),
    nonResourceURLs: strings('nonResourceURLs'),
    resources,
    omitStages: new Set([...omitted, ...reader.stages(rule['omitStages'], `${path}.omitStages`)]),
    omitManagedFields: reader.flag(rule['omitManagedFields'], `${path}.omitManagedFields`) ?? omitManagedFields,
  };
  checkUrls(reader, made, path);
  return made;
}

function checkUrls(reader: Reader, rule: Rule, path: string): void {
  for (const [index, url] of rule.nonResourceURLs.entries()) {
    if (url === '*') continue;
    const place = `${path}.nonResourceURLs[${index}]`;
    if (!url.startsWith('/')) reader.wrong(place, `Invalid value: ${JSON.stringify(url)}: must begin with /`);
    if (url.slice(0, -1).includes('*')) {
      reader.wrong(place, `Invalid value: ${JSON.stringify(url)}: a * may only stand at the end`);
    }
  }
  if (rule.nonResourceURLs.length > 0 && (rule.resources.length > 0 || rule.namespaces.length > 0)) {
    reader.wrong(`${path}.nonResourceURLs`, 'a rule cannot be for resources and for other URLs at once');
  }
}

function readResources(reader: Reader, value: JsonValue, path: string): GroupResources {
  const entry = reader.object(value, path, resourceFields);
  const group = entry['group'] ?? '';
  if (typeof group !== 'string' || !/^(\*|[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$/.test(group)) {
    reader.wrong(
      `${path}.group`,
      `Invalid value: ${JSON.stringify(group)}: must be the name of an API group, without its version`,
    );
  }
  const resources = reader.strings(entry['resources'], `${path}.resources`);
  const resourceNames = reader.strings(entry['resourceNames'], `${path}.resourceNames`);
  if (resourceNames.length > 0 && resources.length === 0) {
    reader.wrong(`${path}.resourceNames`, 'needs at least one of resources');
  }
  return { group: group as string, resources, resourceNames };
}

const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(', ');

/** Reads fields and collects what is wrong with them. */
class Reader {
  readonly #problems: string[] = [];

  wrong(path: string, problem: string): void {
    this.#problems.push(`${path}: ${problem}`);
  }

  /** @throws AuditPolicyError */
  finish(): void {
    if (this.#problems.length > 0) throw new AuditPolicyError(this.#problems.join('; '));
  }

  object(value: JsonValue, path: string, fields: readonly string[]): JsonObject {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.wrong(path, 'must be an object');
      return {};
    }
    for (const field of Object.keys(value))
      if (!fields.includes(field)) this.wrong(path, `unknown field ${JSON.stringify(field)}`);
    return value;
  }

  list(value: JsonValue | undefined, path: string): readonly JsonValue[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value;
    this.wrong(path, 'must be a list');
    return [];
  }

  strings(value: JsonValue | undefined, path: string): string[] {
    const list = this.list(value, path);
    if (!list.every((item) => typeof item === 'string')) this.wrong(path, 'must be a list of strings');
    return list.map(String);
  }

  stages(value: JsonValue | undefined, path: string): AuditStage[] {
    const list = this.strings(value, path);
    for (const [index, stage] of list.entries()) {
      if (!stages.includes(stage)) {
        this.wrong(
          `${path}[${index}]`,
          `Invalid value: ${JSON.stringify(stage)}: allowed stages are ${stages.join(',')}`,
        );
      }
    }
    return list as AuditStage[];
  }

  flag(value: JsonValue | undefined, path: string): boolean | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'boolean') this.wrong(path, 'must be true or false');
    return value === true;
  }
}

function matches(rule: Rule, attributes: AuthorizationAttributes): boolean {
  const { user, verb } = attributes;
  if (rule.users.length > 0 && !rule.users.includes(user.name)) return false;
  if (rule.userGroups.length > 0 && !user.groups.some((group) => rule.userGroups.includes(group))) return false;
  if (rule.verbs.length > 0 && !rule.verbs.includes(verb)) return false;
  if (rule.namespaces.length > 0 || rule.resources.length > 0) return matchesResource(rule, attributes);
  if (rule.nonResourceURLs.length === 0) return true;
  return attributes.resource === '' && rule.nonResourceURLs.some((pattern) => matchesUrl(pattern, attributes.path));
}

function matchesUrl(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}

function matchesResource(rule: Rule, attributes: AuthorizationAttributes): boolean {
  if (attributes.resource === '') return false;
  if (rule.namespaces.length > 0 && !rule.namespaces.includes(attributes.namespace)) return false;
  return rule.resources.length === 0 || rule.resources.some((each) => covers(each, attributes));
}

function covers({ group, resources, resourceNames }: GroupResources, attributes: AuthorizationAttributes): boolean {
  if (group !== '*' && group !== attributes.group) return false;
  if (resources.length === 0) return true;
  if (resourceNames.length > 0 && !resourceNames.includes(attributes.name)) return false;
  const { resource, subresource } = attributes;
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  const patterns = ['*', combined, `${resource}/*`, ...(subresource === '' ? [] : [`*/${subresource}`])];
  return resources.some((pattern) => patterns.includes(pattern));
}
