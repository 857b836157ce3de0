/**
 * `apiserver.config.k8s.io AuthorizationConfiguration`: which authorizers are asked, and in which order (KEP-3221). Here it is read
 * and checked, with upstream's error texts; what becomes of it stands in `configured-authorizer.ts`. Pure, but for a look at the
 * files that it names.
 *
 * Kept true: what comes out of here can be built. A file with one fault is refused as a whole, with all its faults.
 */
import { statSync } from 'node:fs';
import path from 'node:path';
import {
  childPath,
  duplicate,
  indexPath,
  invalidValue,
  notSupported,
  required,
  tooMany,
} from '../../api/field-error.ts';
import { isDns1123Subdomain } from '../../api/names.ts';
import { formatDuration } from '../../api/protobuf/duration.ts';
import { aggregate } from '../../api/selector/requirement.ts';
import type { FieldError } from '../../api/status-error.ts';
import { parseYaml } from '../../api/yaml.ts';
import { parseDuration } from '../flow/request-deadline.ts';
import { type ConfigShape, checkShape } from './config-shape.ts';
import { compileMatchCondition, type MatchCondition } from './match-conditions.ts';

export type AuthorizerType = 'AlwaysAllow' | 'AlwaysDeny' | 'Node' | 'RBAC' | 'Webhook';

export type AuthorizerConfiguration =
  | { readonly type: Exclude<AuthorizerType, 'Webhook'>; readonly name: string }
  | { readonly type: 'Webhook'; readonly name: string; readonly webhook: WebhookConfiguration };

export interface WebhookConfiguration {
  readonly timeoutMs: number;
  /** How long an answer is kept (ms); 0: not at all. */
  readonly authorizedMs: number;
  readonly unauthorizedMs: number;
  readonly reviewVersion: 'v1' | 'v1beta1';
  readonly failurePolicy: 'NoOpinion' | 'Deny';
  readonly kubeConfigFile: string;
  /** Only what meets all of them is sent. */
  readonly matchConditions: readonly MatchCondition[];
}

/** The order of a cluster without such a file, under the names that upstream gives them. */
export const defaultAuthorizers: readonly AuthorizerConfiguration[] = [
  { type: 'Node', name: 'node' },
  { type: 'RBAC', name: 'rbac' },
];

const group = 'apiserver.config.k8s.io';
const versions: readonly string[] = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `${group}/${version}`);
/** Upstream's ABAC is not among them: what it does, RBAC does. */
const types: readonly string[] = ['AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'] satisfies AuthorizerType[];
const timeoutMsMax = 30_000;
const matchConditionsMax = 64;

interface WebhookText {
  readonly authorizedTTL?: string;
  readonly cacheAuthorizedRequests?: boolean;
  readonly unauthorizedTTL?: string;
  readonly cacheUnauthorizedRequests?: boolean;
  readonly timeout?: string;
  readonly subjectAccessReviewVersion?: string;
  readonly matchConditionSubjectAccessReviewVersion?: string;
  readonly failurePolicy?: string;
  readonly connectionInfo?: { readonly type?: string; readonly kubeConfigFile?: string };
  readonly matchConditions?: readonly { readonly expression?: string }[];
}

interface AuthorizerText {
  readonly type?: string;
  readonly name?: string;
  readonly webhook?: WebhookText;
}

interface ConfigurationText {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly authorizers?: readonly AuthorizerText[];
}

const shape: ConfigShape = {
  apiVersion: 'string',
  kind: 'string',
  authorizers: [
    {
      type: 'string',
      name: 'string',
      webhook: {
        authorizedTTL: 'duration',
        cacheAuthorizedRequests: 'boolean',
        unauthorizedTTL: 'duration',
        cacheUnauthorizedRequests: 'boolean',
        timeout: 'duration',
        subjectAccessReviewVersion: 'string',
        matchConditionSubjectAccessReviewVersion: 'string',
        failurePolicy: 'string',
        connectionInfo: { type: 'string', kubeConfigFile: 'string' },
        matchConditions: [{ expression: 'string' }],
      },
    },
  ],
};

/** @throws Error with all that is wrong */
export function parseAuthorizationConfiguration(text: string): readonly AuthorizerConfiguration[] {
  const { value, duplicates } = parseYaml(text);
  const config = checkShape<ConfigurationText>(value, shape, duplicates);
  const { apiVersion = '', kind = '', authorizers = [] } = config;
  if (kind === '') throw new Error("Object 'Kind' is missing");
  if (kind !== 'AuthorizationConfiguration' || !versions.includes(apiVersion)) {
    throw new Error(`no kind "${kind}" is registered for version "${apiVersion}"`);
  }
  const errors = configurationErrors(authorizers);
  if (errors.length > 0) throw new Error(aggregate(errors));
  return authorizers.map(configured);
}

function configurationErrors(authorizers: readonly AuthorizerText[]): FieldError[] {
  if (authorizers.length === 0) return [required('authorizers', 'at least one authorization mode must be defined')];
  const seen = { types: new Set<string>(), names: new Set<string>() };
  return authorizers.flatMap((authorizer, index) =>
    authorizerErrors(authorizer, indexPath('authorizers', index), seen),
  );
}

function authorizerErrors(
  { type = '', name = '', webhook }: AuthorizerText,
  at: string,
  seen: { readonly types: Set<string>; readonly names: Set<string> },
): FieldError[] {
  const typePath = childPath(at, 'type');
  if (type === '') return [required(typePath)];
  if (!types.includes(type)) return [notSupported(typePath, type, types)];
  if (seen.types.has(type) && type !== 'Webhook') return [duplicate(typePath, type)];
  seen.types.add(type);
  const errors = nameErrors(name, childPath(at, 'name'), seen.names);
  seen.names.add(name);
  const webhookPath = childPath(at, 'webhook');
  if (type !== 'Webhook') {
    if (webhook) errors.push(invalidValue(webhookPath, 'non-null', 'may only be specified when type=Webhook'));
    return errors;
  }
  if (webhook) return [...errors, ...webhookErrors(webhook, at)];
  return [...errors, required(webhookPath, 'required when type=Webhook')];
}

function nameErrors(name: string, at: string, seen: ReadonlySet<string>): FieldError[] {
  if (name === '') return [required(at)];
  if (seen.has(name)) return [duplicate(at, name)];
  const problems = isDns1123Subdomain(name);
  return problems.length === 0 ? [] : [invalidValue(at, name, `authorizer name is invalid: ${problems.join(', ')}`)];
}

/** The paths are upstream's: without `webhook` in them. */
function webhookErrors(webhook: WebhookText, at: string): FieldError[] {
  const field = (name: string): string => childPath(at, name);
  const { subjectAccessReviewVersion: version = '', failurePolicy = '', matchConditions = [] } = webhook;
  const { matchConditionSubjectAccessReviewVersion: conditionVersion = '' } = webhook;
  return [
    ...timeoutErrors(msOf(webhook.timeout), field('timeout')),
    ...lifeErrors(msOf(webhook.authorizedTTL), field('authorizedTTL')),
    ...lifeErrors(msOf(webhook.unauthorizedTTL), field('unauthorizedTTL')),
    ...choiceErrors(version, ['v1', 'v1beta1'], field('subjectAccessReviewVersion')),
    ...(conditionVersion !== '' || matchConditions.length === 0
      ? choiceErrors(conditionVersion, ['', 'v1'], field('matchConditionSubjectAccessReviewVersion'), ['v1'])
      : [required(field('matchConditionSubjectAccessReviewVersion'), 'required if match conditions are specified')]),
    ...choiceErrors(failurePolicy, ['NoOpinion', 'Deny'], field('failurePolicy')),
    ...connectionErrors(webhook.connectionInfo ?? {}, field('connectionInfo')),
    ...conditionErrors(matchConditions, field('matchConditions')),
  ];
}

function timeoutErrors(ms: number, at: string): FieldError[] {
  if (ms === 0) return [required(at)];
  return ms > timeoutMsMax || ms < 0 ? [invalidValue(at, goText(ms), 'must be > 0s and <= 30s')] : [];
}

/** Zero is what stands for the default. */
function lifeErrors(ms: number, at: string): FieldError[] {
  return ms < 0 ? [invalidValue(at, goText(ms), 'must be > 0s')] : [];
}

function choiceErrors(value: string, choices: readonly string[], at: string, shown = choices): FieldError[] {
  if (choices.includes(value)) return [];
  return [value === '' ? required(at) : notSupported(at, value, shown)];
}

function connectionErrors({ type = '', kubeConfigFile }: { type?: string; kubeConfigFile?: string }, at: string) {
  const typePath = childPath(at, 'type');
  const filePath = childPath(at, 'kubeConfigFile');
  if (type === '') return [required(typePath)];
  if (type === 'KubeConfigFile') return fileErrors(kubeConfigFile ?? '', filePath);
  if (type !== 'InClusterConfig') {
    const value = { Type: type, KubeConfigFile: kubeConfigFile ?? null };
    return [notSupported(typePath, value, ['InClusterConfig', 'KubeConfigFile'])];
  }
  if (kubeConfigFile !== undefined) {
    return [invalidValue(filePath, kubeConfigFile, 'can only be set when type=KubeConfigFile')];
  }
  return [invalidValue(typePath, type, 'the API server cannot ask itself, use KubeConfigFile')];
}

function fileErrors(file: string, at: string): FieldError[] {
  if (file === '') return [required(at)];
  if (!path.isAbsolute(file)) return [invalidValue(at, file, 'must be an absolute path')];
  try {
    return statSync(file).isFile() ? [] : [invalidValue(at, file, 'must be a regular file')];
  } catch (error) {
    return [invalidValue(at, file, `error loading file: ${goFileError(error, file)}`)];
  }
}

/** As Go tells of a file that is not there. */
function goFileError(error: unknown, file: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return `stat ${file}: no such file or directory`;
  return code === 'EACCES' ? `stat ${file}: permission denied` : message;
}

function conditionErrors(conditions: readonly { readonly expression?: string }[], at: string): FieldError[] {
  if (conditions.length > matchConditionsMax) return [tooMany(at, conditions.length, matchConditionsMax)];
  const seen = new Set<string>();
  return conditions.flatMap(({ expression = '' }, index) => {
    const own = childPath(indexPath(at, index), 'expression');
    if (expression.trim() === '') return [required(own)];
    if (seen.has(expression)) return [duplicate(own, expression)];
    seen.add(expression);
    const compiled = compileMatchCondition(expression);
    return typeof compiled === 'string' ? [invalidValue(own, expression, compiled)] : [];
  });
}

/** What was found good, with upstream's defaults. */
function configured({ type, name = '', webhook = {} }: AuthorizerText): AuthorizerConfiguration {
  if (type !== 'Webhook') return { type: type as Exclude<AuthorizerType, 'Webhook'>, name };
  const { cacheAuthorizedRequests = true, cacheUnauthorizedRequests = true } = webhook;
  return {
    type,
    name,
    webhook: {
      timeoutMs: msOf(webhook.timeout),
      authorizedMs: cacheAuthorizedRequests ? msOf(webhook.authorizedTTL) || 300_000 : 0,
      unauthorizedMs: cacheUnauthorizedRequests ? msOf(webhook.unauthorizedTTL) || 30_000 : 0,
      reviewVersion: webhook.subjectAccessReviewVersion as 'v1' | 'v1beta1',
      failurePolicy: webhook.failurePolicy as 'NoOpinion' | 'Deny',
      kubeConfigFile: webhook.connectionInfo?.kubeConfigFile ?? '',
      matchConditions: (webhook.matchConditions ?? []).flatMap(({ expression = '' }) => {
        const compiled = compileMatchCondition(expression);
        return typeof compiled === 'string' ? [] : [compiled];
      }),
    },
  };
}

function msOf(text: string | undefined): number {
  return text === undefined ? 0 : (parseDuration(text) ?? 0);
}

function goText(ms: number): string {
  return formatDuration(BigInt(Math.round(ms * 1e6)));
}
