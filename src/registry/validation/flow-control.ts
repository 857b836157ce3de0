/** FlowSchemas and PriorityLevelConfigurations. Two of each are the cluster's own, and stay as they are. */
import { duplicate, forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../api/names.ts';
import type {
  FlowSchema,
  FlowSchemaSpec,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
  ResourcePolicyRule,
  Subject,
} from '../../api/schema/types/flowcontrol-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { invalidEach, requiredName, requiredText } from './checks.ts';

const precedenceMax = 10_000;
const queuesMax = 10_000_000;
/** Of the hash that deals a flow its hand of queues. */
const hashBits = 60;

const everything = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
};
const groups = (...names: readonly string[]): readonly object[] =>
  names.map((name) => ({ kind: 'Group', group: { name } }));

const fixedSchemas: Readonly<Record<string, object | undefined>> = {
  exempt: {
    priorityLevelConfiguration: { name: 'exempt' },
    matchingPrecedence: 1,
    rules: [{ subjects: groups('system:masters'), ...everything }],
  },
  'catch-all': {
    priorityLevelConfiguration: { name: 'catch-all' },
    matchingPrecedence: precedenceMax,
    distinguisherMethod: { type: 'ByUser' },
    rules: [{ subjects: groups('system:unauthenticated', 'system:authenticated'), ...everything }],
  },
};
const fixedLevels: Readonly<Record<string, object | undefined>> = {
  exempt: { type: 'Exempt' },
  'catch-all': {
    type: 'Limited',
    limited: { nominalConcurrencyShares: 5, limitResponse: { type: 'Reject' }, lendablePercent: 0 },
  },
};

function fixedOf(table: Readonly<Record<string, object | undefined>>, name: string | undefined): object | undefined {
  return name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

export function validateFlowSchema({ metadata, spec, status }: FlowSchema): FieldError[] {
  const fixed = fixedOf(fixedSchemas, metadata?.name);
  return [
    ...validateSchemaSpec(metadata?.name, spec ?? { priorityLevelConfiguration: { name: '' } }),
    ...(fixed === undefined || sameJson(spec, fixed)
      ? []
      : [invalidValue('spec', spec ?? null, `spec of '${metadata?.name}' must equal the fixed value`)]),
    ...validateFlowConditions(status?.conditions),
  ];
}

const distinguishers = ['ByNamespace', 'ByUser'];

function validateSchemaSpec(name: string | undefined, spec: FlowSchemaSpec): FieldError[] {
  const { matchingPrecedence: precedence = 0, distinguisherMethod, priorityLevelConfiguration: level } = spec;
  const at = 'spec.matchingPrecedence';
  const errors: FieldError[] = [];
  if (precedence <= 0) errors.push(invalidValue(at, precedence, 'must be a positive value'));
  if (precedence > precedenceMax) errors.push(invalidValue(at, precedence, `must not be greater than ${precedenceMax}`));
  if (precedence === 1 && name !== 'exempt') {
    errors.push(invalidValue(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  }
  if (distinguisherMethod && !distinguishers.includes(distinguisherMethod.type)) {
    errors.push(notSupported('spec.distinguisherMethod.type', distinguisherMethod, distinguishers));
  }
  if (level?.name) {
    errors.push(...invalidEach('spec.priorityLevelConfiguration.name', level.name, isDns1123Subdomain(level.name)));
  } else errors.push(required('spec.priorityLevelConfiguration.name', 'must reference a priority level'));
  return [...errors, ...(spec.rules ?? []).flatMap((rule, index) => validateRule(`spec.rules[${index}]`, rule))];
}

function validateRule(path: string, rule: PolicyRulesWithSubjects): FieldError[] {
  const [resources, paths] = [rule.resourceRules ?? [], rule.nonResourceRules ?? []];
  const subjects = rule.subjects ?? [];
  const errors =
    subjects.length > 0
      ? subjects.flatMap((subject, index) => validateSubject(`${path}.subjects[${index}]`, subject))
      : [required(`${path}.subjects`, 'subjects must contain at least one value')];
  if (resources.length === 0 && paths.length === 0) {
    errors.push(required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  }
  return [
    ...errors,
    ...resources.flatMap((each, index) => validateResourceRule(`${path}.resourceRules[${index}]`, each)),
    ...paths.flatMap((each, index) => validatePathRule(`${path}.nonResourceRules[${index}]`, each)),
  ];
}

/** Kind → the field that goes with it. */
const subjectFields = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const;
type SubjectKind = keyof typeof subjectFields;
const subjectKinds = ['Group', 'ServiceAccount', 'User'];
/** In the order in which upstream complains of them. */
const strangers: Readonly<Record<SubjectKind, readonly SubjectKind[]>> = {
  ServiceAccount: ['User', 'Group'],
  User: ['ServiceAccount', 'Group'],
  Group: ['ServiceAccount', 'User'],
};

function validateSubject(path: string, subject: Subject): FieldError[] {
  if (!subjectKinds.includes(subject.kind)) return [notSupported(`${path}.kind`, subject.kind ?? '', subjectKinds)];
  const kind = subject.kind as SubjectKind;
  const errors = validateSubjectField(path, kind, subject);
  const others = strangers[kind].filter((other) => subject[subjectFields[other]] !== undefined);
  return [
    ...errors,
    ...others.map((other) => {
      const field = subjectFields[other];
      return forbiddenField(`${path}.${field}`, `${field} is forbidden when subject kind is not '${other}'`);
    }),
  ];
}

function validateSubjectField(path: string, kind: SubjectKind, subject: Subject): FieldError[] {
  const field = subjectFields[kind];
  const at = `${path}.${field}`;
  const value = subject[field];
  if (value === undefined) return [required(at, `${field} is required when subject kind is '${kind}'`)];
  if (kind !== 'ServiceAccount') return requiredText(`${at}.name`, value.name);
  const { name, namespace } = subject.serviceAccount ?? { name: '', namespace: '' };
  return [
    ...(name === '*' ? [] : requiredName(`${at}.name`, name, isDns1123Subdomain)),
    ...(namespace
      ? invalidEach(`${at}.namespace`, namespace, isDns1123Label(namespace))
      : [required(`${at}.namespace`, 'must specify namespace for service account')]),
  ];
}

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];

function validateVerbs(path: string, given: readonly string[] | undefined): FieldError[] {
  const list = given ?? [];
  if (list.length === 0) return [required(path, 'verbs must contain at least one value')];
  if (list.includes('*')) return aloneOr(path, list, 'verbs');
  return list.every((verb) => verbs.includes(verb)) ? [] : [notSupported(path, list, verbs)];
}

/** `*` says all: nothing may stand beside it. */
function aloneOr(path: string, list: readonly string[], what: string): FieldError[] {
  if (list.length < 2 || !list.includes('*')) return [];
  return [invalidValue(path, list, `if '*' is present, must not specify other ${what}`)];
}

function validateResourceRule(path: string, rule: ResourcePolicyRule): FieldError[] {
  const [apiGroups, resources, namespaces] = [rule.apiGroups ?? [], rule.resources ?? [], rule.namespaces ?? []];
  const errors = validateVerbs(`${path}.verbs`, rule.verbs);
  if (apiGroups.length === 0) {
    errors.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  } else errors.push(...aloneOr(`${path}.apiGroups`, apiGroups, 'api groups'));
  if (resources.length === 0) {
    errors.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  } else errors.push(...aloneOr(`${path}.resources`, resources, 'resources'));
  const at = `${path}.namespaces`;
  if (namespaces.length === 0 && !rule.clusterScope) {
    errors.push(required(at, 'resource rules that are not cluster scoped must supply at least one namespace'));
  } else if (namespaces.includes('*')) errors.push(...aloneOr(at, namespaces, 'namespaces'));
  else errors.push(...namespaces.flatMap((name, index) => validateNamespaceName(`${at}[${index}]`, name)));
  return errors;
}

function validateNamespaceName(path: string, name: string): FieldError[] {
  const intro = "each member of this list must be '*' or a DNS-1123 label; ";
  return isDns1123Label(name).map((message) => invalidValue(path, name, intro + message));
}

function validatePathRule(path: string, rule: NonResourcePolicyRule): FieldError[] {
  const urls = rule.nonResourceURLs ?? [];
  const at = `${path}.nonResourceURLs`;
  const errors = validateVerbs(`${path}.verbs`, rule.verbs);
  if (urls.length === 0) errors.push(required(at, 'nonResourceURLs must contain at least one value'));
  else if (urls.includes('*')) errors.push(...aloneOr(at, urls, 'non-resource URLs'));
  else errors.push(...urls.flatMap((url, index) => validatePath(`${at}[${index}]`, url)));
  return errors;
}

function validatePath(path: string, url: string): FieldError[] {
  const stars = url.split('*').length - 1;
  const problem =
    url === ''
      ? 'must not be empty'
      : url === '/'
        ? undefined
        : !url.startsWith('/')
          ? 'must start with slash'
          : url.includes(' ')
            ? 'must not contain white-space'
            : url.includes('//')
              ? 'must not contain double slash'
              : stars > 1 || (stars === 1 && !url.endsWith('/*'))
                ? 'wildcard can only do suffix matching'
                : undefined;
  return problem === undefined ? [] : [invalidValue(path, url, problem)];
}

export function validateFlowConditions(
  conditions: readonly { readonly type?: string }[] | undefined,
  path = 'status.conditions',
): FieldError[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap(({ type = '' }, index) => {
    const errors = seen.has(type) ? [duplicate(`${path}[${index}].type`, type)] : [];
    seen.add(type);
    return [...errors, ...requiredText(`${path}[${index}].type`, type, 'must not be empty')];
  });
}

export function validatePriorityLevel({ metadata, spec, status }: PriorityLevelConfiguration): FieldError[] {
  const name = metadata?.name;
  return [
    ...validateLevelSpec(name, spec ?? { type: '' }),
    ...validateFixedLevel(name, spec),
    ...validateFlowConditions(status?.conditions),
  ];
}

/** How much the exempt level lends and is reckoned at is the administrator's to say. */
function validateFixedLevel(name: string | undefined, spec: PriorityLevelConfigurationSpec | undefined): FieldError[] {
  const fixed = fixedOf(fixedLevels, name);
  if (fixed === undefined) return [];
  const { exempt: _exempt, ...rest } = spec ?? {};
  if (sameJson(name === 'exempt' ? rest : spec, fixed)) return [];
  const save = name === 'exempt' ? " except the 'spec.exempt' field" : '';
  return [invalidValue('spec', spec ?? null, `spec of '${name}'${save} must equal the fixed value`)];
}

function validateLevelSpec(name: string | undefined, spec: PriorityLevelConfigurationSpec): FieldError[] {
  const { type, limited, exempt } = spec;
  const errors: FieldError[] = [];
  if ((name === 'exempt') !== (type === 'Exempt')) {
    errors.push(invalidValue('spec.type', type ?? '', "type must be 'Exempt' if and only if name is 'exempt'"));
  }
  if (type === 'Exempt') {
    if (limited) errors.push(forbiddenField('spec.limited', 'must be nil if the type is not Limited'));
    errors.push(...notBelowZero('spec.exempt.nominalConcurrencyShares', exempt?.nominalConcurrencyShares));
    errors.push(...percentage('spec.exempt.lendablePercent', exempt?.lendablePercent));
  } else if (type === 'Limited') {
    if (exempt) errors.push(forbiddenField('spec.exempt', 'must be nil if the type is Limited'));
    if (limited) errors.push(...validateLimited('spec.limited', limited));
    else errors.push(required('spec.limited', 'must not be empty when type is Limited'));
  } else errors.push(notSupported('spec.type', type ?? '', ['Exempt', 'Limited']));
  return errors;
}

function notBelowZero(path: string, value: number | undefined): FieldError[] {
  return (value ?? 0) < 0 ? [invalidValue(path, value, 'must be a non-negative integer')] : [];
}

function percentage(path: string, value: number | undefined): FieldError[] {
  return (value ?? 0) < 0 || (value ?? 0) > 100 ? [invalidValue(path, value, 'must be between 0 and 100, inclusive')] : [];
}

function validateLimited(path: string, limited: LimitedPriorityLevelConfiguration): FieldError[] {
  const { borrowingLimitPercent: borrowed } = limited;
  return [
    ...notBelowZero(`${path}.nominalConcurrencyShares`, limited.nominalConcurrencyShares),
    ...validateLimitResponse(`${path}.limitResponse`, limited.limitResponse ?? { type: '' }),
    ...percentage(`${path}.lendablePercent`, limited.lendablePercent),
    ...((borrowed ?? 0) < 0
      ? [invalidValue(`${path}.borrowingLimitPercent`, borrowed, 'if specified, must be a non-negative integer')]
      : []),
  ];
}

function validateLimitResponse(path: string, { type, queuing }: LimitResponse): FieldError[] {
  const at = `${path}.queuing`;
  if (type === 'Reject') {
    return queuing ? [forbiddenField(at, 'must be nil if limited.limitResponse.type is not Limited')] : [];
  }
  if (type !== 'Queue') return [notSupported(`${path}.type`, type ?? '', ['Queue', 'Reject'])];
  if (queuing) return validateQueuing(at, queuing);
  return [required(at, 'must not be empty if limited.limitResponse.type is Limited')];
}

function validateQueuing(path: string, queuing: QueuingConfiguration): FieldError[] {
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = queuing;
  const errors: FieldError[] = [];
  const refuse = (field: string, value: number, why: string): number =>
    errors.push(invalidValue(`${path}.${field}`, value, why));
  if (queueLengthLimit <= 0) refuse('queueLengthLimit', queueLengthLimit, 'must be positive');
  if (queues <= 0) refuse('queues', queues, 'must be positive');
  else if (queues > queuesMax) refuse('queues', queues, `must not be greater than ${queuesMax}`);
  if (handSize <= 0) refuse('handSize', handSize, 'must be positive');
  else if (handSize > queues) refuse('handSize', handSize, `should not be greater than queues (${queues})`);
  else if (entropyBits(queues, handSize) > hashBits) {
    const what = `required entropy bits of deckSize ${queues} and handSize ${handSize}`;
    refuse('handSize', handSize, `${what} should not be greater than ${hashBits}`);
  }
  return errors;
}

/** How many bits it takes to deal `handSize` cards of `deckSize`, as upstream reckons. */
function entropyBits(deckSize: number, handSize: number): number {
  return Math.ceil(Math.log2(deckSize) * handSize);
}
