/** Webhooks, case by case as upstream tests them: names, rules, addresses, and what an update may leave as it was. */
import type { JsonObject } from '../../../api/object.ts';
import { type CaseTable, testCases, type ValidationCase } from './testing.ts';

const group = 'admissionregistration.k8s.io';
const dns1035 = 'a DNS-1035 label must consist of…';
const form = '; desired format: https://host[/path]';
const at = 'webhooks[0]';
const resources = `${at}.rules[0].resources`;
const service = `${at}.clientConfig.service`;

const hook = (fields: JsonObject): JsonObject => ({
  name: 'webhook.k8s.io',
  clientConfig: { url: 'https://example.com' },
  sideEffects: 'None',
  admissionReviewVersions: ['v1beta1'],
  ...fields,
});
const rule = (fields: JsonObject): JsonObject => ({
  operations: ['CREATE'],
  apiGroups: ['a'],
  apiVersions: ['a'],
  resources: ['a'],
  ...fields,
});
const ofResources = (...names: readonly string[]): JsonObject => ({ [resources]: [...names] });
const ofService = (fields: JsonObject): JsonObject => ({
  [`${at}.clientConfig`]: { service: { namespace: 'ns', name: 'n', port: 443, ...fields } },
});

const cases: readonly ValidationCase[] = [
  {
    name: 'wants the versions of reviews',
    changes: { [`${at}.admissionReviewVersions`]: undefined },
    errors: [`${at}.admissionReviewVersions: Required value: must specify one of v1, v1beta1`],
  },
  {
    name: 'refuses a version that is no label, which is none that we speak',
    changes: { [`${at}.admissionReviewVersions`]: ['0v'] },
    errors: [
      `${at}.admissionReviewVersions[0]: Invalid value: "0v": ${dns1035}`,
      `${at}.admissionReviewVersions: Invalid value: ["0v"]: must include at least one of v1, v1beta1`,
    ],
  },
  {
    name: 'accepts a version that we speak among others',
    changes: { [`${at}.admissionReviewVersions`]: ['v1beta1', 'invalid-version'] },
  },
  {
    name: 'tells of each bad name',
    changes: { webhooks: [hook({}), hook({ name: 'k8s.io' }), hook({ name: '' })] },
    errors: [
      'webhooks[1].name: Invalid value: "k8s.io": should be a domain with at least three segments separated by dots',
      'webhooks[2].name: Required value',
    ],
  },
  {
    name: 'refuses rules without operations, absent or empty',
    changes: { [`${at}.rules`]: [rule({ operations: [] }), rule({ operations: null })] },
    errors: [`${at}.rules[0].operations: Required value`, `${at}.rules[1].operations: Required value`],
  },
  {
    name: 'refuses an operation without a name',
    changes: { [`${at}.rules[0].operations`]: ['CREATE', ''] },
    errors: [
      `${at}.rules[0].operations[1]: Unsupported value: "": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"`,
    ],
  },
  {
    name: 'refuses a version without a name, and all beside one',
    changes: {
      [`${at}.rules`]: [rule({ apiVersions: [''] }), rule({ apiVersions: ['a', '*'], apiGroups: ['a', '*'] })],
    },
    errors: [
      `${at}.rules[0].apiVersions[0]: Required value`,
      `${at}.rules[1].apiGroups: Invalid value: ["a","*"]: if '*' is present, must not specify other API groups`,
      `${at}.rules[1].apiVersions: Invalid value: ["a","*"]: if '*' is present, must not specify other API versions`,
    ],
  },
  { name: 'accepts all resources beside parts of some', changes: ofResources('*', 'a/b', 'a/*', '*/b') },
  { name: 'accepts all parts of a resource beside it', changes: ofResources('a/*', 'a') },
  {
    name: 'refuses a part of one that is a part of all',
    changes: ofResources('*/a', 'x/a'),
    errors: [`${resources}[1]: Invalid value: "x/a": if '*/a' is present, must not specify x/a`],
  },
  {
    name: 'refuses anything beside all parts of all',
    changes: ofResources('*/*', 'a'),
    errors: [`${resources}: Invalid value: ["*/*","a"]: if '*/*' is present, must not specify other resources`],
  },
  {
    name: 'refuses a resource without a name',
    changes: ofResources('a', ''),
    errors: [`${resources}[1]: Required value`],
  },
  {
    name: 'refuses a scope that is none',
    changes: { [`${at}.rules[0].scope`]: 'Galaxy' },
    errors: [`${at}.rules[0].scope: Unsupported value: "Galaxy": supported values: "*", "Cluster", "Namespaced"`],
  },
  {
    name: 'refuses policies that are none',
    changes: { [`${at}.failurePolicy`]: 'other', [`${at}.matchPolicy`]: '' },
    errors: [
      `${at}.failurePolicy: Unsupported value: "other": supported values: "Fail", "Ignore"`,
      `${at}.matchPolicy: Unsupported value: "": supported values: "Equivalent", "Exact"`,
    ],
  },
  {
    name: 'refuses side effects of no kind; an empty text is not silence',
    changes: { webhooks: [hook({ sideEffects: 'other' }), hook({ name: 'b.k8s.io', sideEffects: '' })] },
    errors: [
      'webhooks[0].sideEffects: Unsupported value: "other": supported values: "None", "NoneOnDryRun"',
      'webhooks[1].sideEffects: Unsupported value: "": supported values: "None", "NoneOnDryRun"',
    ],
  },
  {
    name: 'refuses a URL and a service at once',
    changes: { [`${at}.clientConfig`]: { url: 'example.com/hook', service: { namespace: 'ns', name: 'n' } } },
    errors: [`${at}.clientConfig: Required value: exactly one of url or service is required`],
  },
  {
    name: 'refuses an empty URL',
    changes: { [`${at}.clientConfig.url`]: '' },
    errors: [
      `${at}.clientConfig.url: Invalid value: "": 'https' is the only allowed URL scheme${form}`,
      `${at}.clientConfig.url: Invalid value: "": host must be specified${form}`,
    ],
  },
  {
    name: 'refuses a query without a path',
    changes: { [`${at}.clientConfig.url`]: 'https://example.com?arg=value' },
    errors: [`${at}.clientConfig.url: Invalid value: "arg=value": query parameters are not permitted in the URL`],
  },
  {
    name: 'refuses a URL that says who asks',
    changes: { [`${at}.clientConfig.url`]: 'https://harry.potter@example.com/' },
    errors: [`${at}.clientConfig.url: Invalid value: "harry.potter": user information is not permitted in the URL`],
  },
  { name: 'accepts a path that ends in a slash', changes: ofService({ path: '/foo/bar/' }) },
  { name: 'accepts the root as a path', changes: ofService({ path: '/' }) },
  { name: 'accepts a subdomain as a step', changes: ofService({ path: '/apis/foo.bar/v1alpha1' }) },
  {
    name: 'refuses a path that does not begin at the root',
    changes: ofService({ path: 'foo/' }),
    errors: [`${service}.path: Invalid value: "foo/": must start with a '/'`],
  },
  {
    name: 'refuses a path of two slashes alone',
    changes: ofService({ path: '//' }),
    errors: [`${service}.path: Invalid value: "//": segment[0] may not be empty`],
  },
  {
    name: 'refuses a path that ends in two slashes',
    changes: ofService({ path: '/foo//' }),
    errors: [`${service}.path: Invalid value: "/foo//": segment[1] may not be empty`],
  },
  {
    name: 'refuses a step that is no name',
    changes: ofService({ path: '/apis/foo.bar/v1alpha1/--bad' }),
    errors: [`${service}.path: Invalid value: "/apis/foo.bar/v1alpha1/--bad": segment[3]: a lowercase RFC 1123…`],
  },
  {
    name: 'refuses ports that are none',
    changes: ofService({ port: 65_536 }),
    errors: [`${service}.port: Invalid value: 65536: port is not valid: must be between 1 and 65535, inclusive`],
  },
  {
    name: 'refuses no patience at all',
    changes: { [`${at}.timeoutSeconds`]: 0 },
    errors: [`${at}.timeoutSeconds: Invalid value: 0: the timeout value must be between 1 and 30 seconds`],
  },
  { name: 'accepts half a minute of patience', changes: { [`${at}.timeoutSeconds`]: 30 } },
  {
    name: 'refuses selectors that cannot be read',
    changes: { [`${at}.namespaceSelector`]: { matchLabels: { a: 'b c' } } },
    errors: [`${at}.namespaceSelector.matchLabels: Invalid value: "b c": a valid label must be…`],
  },
  {
    name: 'refuses a condition without a name',
    changes: { [`${at}.matchConditions`]: [{ expression: 'true' }, { name: 'a b', expression: 'true' }] },
    errors: [
      `${at}.matchConditions[0].name: Required value`,
      `${at}.matchConditions[1].name: Invalid value: "a b": name part must consist…`,
    ],
  },
  {
    name: 'refuses more conditions than 64',
    changes: {
      [`${at}.matchConditions`]: Array.from({ length: 65 }, (_, index) => ({ name: `c${index}`, expression: 'true' })),
    },
    errors: [`${at}.matchConditions: Too many: 65: must have at most 64 items`],
  },
  {
    name: 'holds an update to what the old object kept',
    update: { [`${at}.sideEffects`]: 'Unknown', [`${at}.admissionReviewVersions`]: ['v9'] },
    errors: [
      `${at}.sideEffects: Unsupported value: "Unknown": supported values: "None", "NoneOnDryRun"`,
      `${at}.admissionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1`,
    ],
  },
  {
    name: 'refuses a name twice in an update',
    update: { webhooks: [hook({}), hook({})] },
    errors: ['webhooks[1].name: Duplicate value: "webhook.k8s.io"'],
  },
];

const table = (resource: string, more: readonly ValidationCase[]): CaseTable => ({
  resource: `${resource}.${group}`,
  valid: { metadata: { name: 'config' }, webhooks: [hook({ rules: [rule({})] })] },
  cases: [...cases, ...more],
});

testCases([
  table('validatingwebhookconfigurations', []),
  table('mutatingwebhookconfigurations', [
    { name: 'accepts to be asked again', changes: { [`${at}.reinvocationPolicy`]: 'IfNeeded' } },
    {
      name: 'refuses to be asked again in a way that is none',
      changes: { [`${at}.reinvocationPolicy`]: 'Other' },
      errors: [`${at}.reinvocationPolicy: Unsupported value: "Other": supported values: "IfNeeded", "Never"`],
    },
  ]),
]);
