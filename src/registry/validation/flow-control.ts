/** FlowSchemas: which requests are of which priority. Two are the cluster's own, and stay as they are. */
import { duplicate, forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../api/names.ts';
import type {
  FlowSchema,
  FlowSchemaSpec,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '../../api/schema/types/flowcontrol-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { invalidEach, requiredName, requiredText } from './checks.ts';

const precedenceMax = 10_000;

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
export function fixedOf(
  table: Readonly<Record<string, object | undefined>>,
  name: string | undefined,
): object | undefined {
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
  if (precedence > precedenceMax)
    errors.push(invalidValue(at, precedence, `must not be greater than ${precedenceMax}`));
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
    return [...errors, ...requiredText(`${path}[${index}].type`, type)];
  });
}
