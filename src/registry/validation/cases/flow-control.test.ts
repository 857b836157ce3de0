/** FlowSchemas and PriorityLevelConfigurations, case by case as upstream tests them. */
import type { JsonObject } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const group = 'flowcontrol.apiserver.k8s.io';
const everywhere = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] };
const everyPath = { verbs: ['*'], nonResourceURLs: ['*'] };
const noxu = { kind: 'User', user: { name: 'noxu' } };
const rule = 'spec.rules[0]';
const subject = `${rule}.subjects[0]`;
const resources = `${rule}.resourceRules[0]`;
const shares = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';

const ofResources = (fields: JsonObject): JsonObject => ({
  [`${rule}.resourceRules`]: [{ ...everywhere, ...fields }],
});
const groups = (...names: readonly string[]): JsonObject[] => names.map((name) => ({ kind: 'Group', group: { name } }));

const paths: readonly (readonly [string, string | undefined])[] = [
  ['', 'must not be empty'],
  ['foo', 'must start with slash'],
  ['/', undefined],
  ['//', 'must not contain double slash'],
  ['/foo', undefined],
  ['/////', 'must not contain double slash'],
  ['/apis/', undefined],
  ['/healthz/*', undefined],
  ['/healthz/*/foo', 'wildcard can only do suffix matching'],
  ['/healthz/foo bar', 'must not contain white-space'],
  ['/health*', 'wildcard can only do suffix matching'],
  ['/health*/foo', 'wildcard can only do suffix matching'],
  ['/*/*', 'wildcard can only do suffix matching'],
];
const pathCases: readonly ValidationCase[] = paths.map(([path, problem]) => {
  const at = `${rule}.nonResourceRules[0].nonResourceURLs`;
  const changes = { [`${rule}.nonResourceRules`]: [{ verbs: ['*'], nonResourceURLs: [path] }] };
  if (problem === undefined) return { name: `accepts the path "${path}"`, changes };
  return { name: `refuses the path "${path}"`, changes, errors: [`${at}[0]: Invalid value: "${path}": ${problem}`] };
});

const fixed = (name: string, precedence: number, subjects: JsonObject[], url: string): JsonObject => ({
  'metadata.name': name,
  spec: {
    priorityLevelConfiguration: { name },
    matchingPrecedence: precedence,
    ...(name === 'catch-all' && { distinguisherMethod: { type: 'ByUser' } }),
    rules: [
      {
        subjects,
        resourceRules: [{ ...everywhere, clusterScope: true }],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: [url] }],
      },
    ],
  },
});
const anybody = groups('system:unauthenticated', 'system:authenticated');

const conditions: readonly ValidationCase[] = [
  {
    name: 'refuses a condition twice in a status, and one of no type',
    subresource: 'status',
    update: { 'status.conditions': [{ type: '1' }, { type: '1' }, { type: '' }] },
    errors: ['status.conditions[1].type: Duplicate value: "1"', 'status.conditions[2].type: Required value'],
  },
];

const queuing = 'spec.limited.limitResponse.queuing';
const hand = (queues: number, handSize: number): JsonObject => ({
  [queuing]: { queues, handSize, queueLengthLimit: 100 },
});
const bits = (queues: number, handSize: number): string =>
  `${queuing}.handSize: Invalid value: ${handSize}: required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than 60`;
const reject = { type: 'Limited', limited: { nominalConcurrencyShares: 42, limitResponse: { type: 'Reject' } } };
const exempt = (fields: JsonObject): JsonObject => ({ 'metadata.name': 'exempt', spec: { type: 'Exempt', ...fields } });

testCases([
  {
    resource: `flowschemas.${group}`,
    valid: {
      metadata: { name: 'system-foo' },
      spec: {
        matchingPrecedence: 50,
        priorityLevelConfiguration: { name: 'system-bar' },
        rules: [{ subjects: [noxu], resourceRules: [everywhere] }],
      },
    },
    cases: [
      {
        name: 'refuses a rule about nothing',
        changes: { [`${rule}.resourceRules`]: undefined },
        errors: [`${rule}: Required value: at least one of resourceRules and nonResourceRules has to be non-empty`],
      },
      {
        name: 'refuses a service account in the fields of others',
        changes: { [subject]: { kind: 'ServiceAccount', user: { name: 'fred' }, group: { name: 'fred' } } },
        errors: [
          `${subject}.serviceAccount: Required value: serviceAccount is required when subject kind is 'ServiceAccount'`,
          `${subject}.user: Forbidden: user is forbidden when subject kind is not 'User'`,
          `${subject}.group: Forbidden: group is forbidden when subject kind is not 'Group'`,
        ],
      },
      {
        name: 'refuses a group in the fields of others',
        changes: {
          [subject]: { kind: 'Group', user: { name: 'fred' }, serviceAccount: { namespace: 's', name: 'n' } },
        },
        errors: [
          `${subject}.group: Required value: group is required when subject kind is 'Group'`,
          `${subject}.serviceAccount: Forbidden: serviceAccount is forbidden when subject kind is not 'ServiceAccount'`,
          `${subject}.user: Forbidden: user is forbidden when subject kind is not 'User'`,
        ],
      },
      {
        name: 'refuses a subject of no kind',
        changes: { [subject]: { kind: '' } },
        errors: [`${subject}.kind: Unsupported value: "": supported values: "Group", "ServiceAccount", "User"`],
      },
      {
        name: 'refuses a service account of no namespace',
        changes: { [subject]: { kind: 'ServiceAccount', serviceAccount: { name: 'noxu' } } },
        errors: [`${subject}.serviceAccount.namespace: Required value: must specify namespace for service account`],
      },
      {
        name: 'accepts all service accounts of a namespace',
        changes: { [subject]: { kind: 'ServiceAccount', serviceAccount: { name: '*', namespace: 'n' } } },
      },
      {
        name: 'refuses another first schema',
        changes: fixed('exempt', 1, groups('system:masters'), '/'),
        errors: ['spec: Invalid value: {…'],
      },
      {
        name: 'refuses another last schema',
        changes: fixed('catch-all', 10_000, anybody, '/'),
        errors: ['spec: Invalid value: {…'],
      },
      {
        name: 'refuses anything beside all',
        changes: ofResources({ verbs: ['*', 'create'], apiGroups: ['*', 'tak'], resources: ['*', 'tok'] }),
        errors: [
          `${resources}.verbs: Invalid value: ["*","create"]: if '*' is present, must not specify other verbs`,
          `${resources}.apiGroups: Invalid value: ["*","tak"]: if '*' is present, must not specify other api groups`,
          `${resources}.resources: Invalid value: ["*","tok"]: if '*' is present, must not specify other resources`,
        ],
      },
      { name: 'accepts resources and paths', changes: { [`${rule}.nonResourceRules`]: [everyPath] } },
      {
        name: 'refuses a path beside all',
        changes: { [`${rule}.nonResourceRules`]: [{ verbs: ['*'], nonResourceURLs: ['*', 'tik'] }] },
        errors: [
          `${rule}.nonResourceRules[0].nonResourceURLs: Invalid value: ["*","tik"]: if '*' is present, must not specify other non-resource URLs`,
        ],
      },
      ...pathCases,
      {
        name: 'refuses a level by a bad name',
        changes: { 'spec.priorityLevelConfiguration.name': 'system+++$$' },
        errors: [
          'spec.priorityLevelConfiguration.name: Invalid value: "system+++$$": a lowercase RFC 1123 subdomain must consist…',
        ],
      },
      { name: 'accepts what is in no namespace', changes: ofResources({ clusterScope: true, namespaces: [] }) },
      { name: 'accepts what is in none and in all', changes: ofResources({ clusterScope: true }) },
      {
        name: 'refuses a namespace beside all',
        changes: ofResources({ namespaces: ['foo', '*'] }),
        errors: [
          `${resources}.namespaces: Invalid value: ["foo","*"]: if '*' is present, must not specify other namespaces`,
        ],
      },
      {
        name: 'refuses a namespace that is none',
        changes: ofResources({ namespaces: ['-foo'] }),
        errors: [
          `${resources}.namespaces[0]: Invalid value: "-foo": each member of this list must be '*' or a DNS-1123 label; a lowercase RFC 1123 label…`,
        ],
      },
      {
        name: 'refuses to tell flows apart in a way that is none',
        changes: { 'spec.distinguisherMethod': { type: 'ByMood' } },
        errors: [
          'spec.distinguisherMethod.type: Unsupported value: {"type":"ByMood"}: supported values: "ByNamespace", "ByUser"',
        ],
      },
      ...conditions,
    ],
  },
  {
    resource: `prioritylevelconfigurations.${group}`,
    valid: {
      metadata: { name: 'system-foo' },
      spec: {
        type: 'Limited',
        limited: {
          nominalConcurrencyShares: 100,
          limitResponse: { type: 'Queue', queuing: { queues: 512, handSize: 4, queueLengthLimit: 100 } },
        },
      },
    },
    cases: [
      {
        name: 'refuses to limit it',
        changes: { 'metadata.name': 'exempt', spec: reject },
        errors: [
          "spec.type: Invalid value: \"Limited\": must be 'Exempt' if and only if `name` is 'exempt'",
          'spec: Invalid value: {…',
        ],
      },
      {
        name: 'refuses numbers out of bounds in it',
        changes: exempt({ exempt: { nominalConcurrencyShares: -1, lendablePercent: 101 } }),
        errors: [
          'spec.exempt.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer',
          'spec.exempt.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive',
        ],
      },
      {
        name: 'refuses limits in it',
        changes: exempt({ exempt: {}, limited: reject.limited }),
        errors: ['spec.limited: Forbidden: must be nil if the type is not Limited', 'spec: Invalid value: {…'],
      },
      {
        name: 'refuses what only the exempt level has',
        changes: { spec: { type: 'Limited', exempt: {} } },
        errors: [
          'spec.exempt: Forbidden: must be nil if the type is Limited',
          'spec.limited: Required value: must not be empty when type is Limited',
        ],
      },
      {
        name: 'refuses a level of no type',
        changes: { spec: {} },
        errors: ['spec.type: Required value'],
      },
      {
        name: 'refuses an answer of no type',
        changes: { 'spec.limited.limitResponse': {} },
        errors: ['spec.limited.limitResponse.type: Required value'],
      },
      { name: 'accepts a level without queues', changes: { spec: reject } },
      { name: 'accepts a level of no shares', changes: { 'spec.limited.nominalConcurrencyShares': 0 } },
      {
        name: 'refuses less than no shares, and less than nothing to lend and to borrow',
        changes: {
          'spec.limited.nominalConcurrencyShares': -1,
          'spec.limited.lendablePercent': -1,
          'spec.limited.borrowingLimitPercent': -1,
        },
        errors: [
          'spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer',
          'spec.limited.lendablePercent: Invalid value: -1: must be between 0 and 100, inclusive',
          'spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer',
        ],
      },
      {
        name: 'refuses another last level',
        changes: { 'metadata.name': 'catch-all', spec: reject },
        errors: ['spec: Invalid value: {…'],
      },
      {
        name: 'refuses queues of which nothing is said',
        changes: { [queuing]: undefined },
        errors: [`${queuing}: Required value: must not be empty if limited.limitResponse.type is Limited`],
      },
      { name: 'refuses a hand that takes too many bits', changes: hand(128, 10), errors: [bits(128, 10)] },
      {
        name: 'refuses more queues than there may be',
        changes: hand(2_147_483_647, 3),
        errors: [
          `${queuing}.queues: Invalid value: 2147483647: must not be greater than 10000000`,
          bits(2_147_483_647, 3),
        ],
      },
      { name: 'accepts ten million queues', changes: hand(10_000_000, 2) },
      {
        name: 'refuses a hand of more than all queues',
        changes: hand(7, 8),
        errors: [`${queuing}.handSize: Invalid value: 8: should not be greater than queues (7)`],
      },
      {
        name: 'refuses the annotation of an old version',
        changes: { 'metadata.annotations': { [shares]: '' } },
        errors: [`metadata.annotations: Forbidden: annotation '${shares}' is forbidden`],
      },
      ...conditions,
    ],
  },
]);
