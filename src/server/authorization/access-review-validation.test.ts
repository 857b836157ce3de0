import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isQualifiedName } from '../../api/names.ts';
import type { JsonObject } from '../../api/object.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import { StatusError } from '../../api/status-error.ts';
import type { AuthorizationAttributes, Decision, UserInfo } from '../../registry/request.ts';
import { resourceNamed } from '../../registry/testing.ts';
import { accessReviews } from './access-reviews.ts';
import type { UserRules } from './authorization.ts';

const ann: UserInfo = { name: 'ann', groups: [] };

class Asked {
  attributes: AuthorizationAttributes | undefined;
  decision: Decision = { allowed: true, reason: '' };
  rules: UserRules = { rules: [] };
  readonly reviews = accessReviews({
    schema: builtinSchema(),
    authorizer: {
      decide: (attributes) => {
        this.attributes = attributes;
        return this.decision;
      },
      rulesFor: () => this.rules,
    },
  });

  async create(kind: string, review: object, namespace = ''): Promise<JsonObject> {
    const name = `${kind.toLowerCase()}s.authorization.k8s.io`;
    const target = { user: ann, resource: resourceNamed(name), namespace, name: '', subresource: '' };
    const body = { apiVersion: 'authorization.k8s.io/v1', kind, ...review } as JsonObject;
    return (await this.reviews.get(name)?.create(target, body, {}))?.object as unknown as JsonObject;
  }

  async status(kind: string, spec: object, namespace = ''): Promise<unknown> {
    return (await this.create(kind, { spec }, namespace))['status'];
  }
}

const pods = { namespace: 'default', verb: 'list', resource: 'pods' };
const withField = (fieldSelector: object) => ({ spec: { resourceAttributes: { ...pods, fieldSelector } } });
const withLabel = (labelSelector: object) => ({ spec: { resourceAttributes: { ...pods, labelSelector } } });
const field = 'spec.resourceAttributes.fieldSelector';
const label = 'spec.resourceAttributes.labelSelector';
const valuesNeeded = "Required value: must be specified when `operator` is 'In' or 'NotIn'";
const noLabelKey = `[${isQualifiedName('')
  .map((why) => `${label}.requirements[0].key: Invalid value: "": ${why}`)
  .join(', ')}]`;
const valuesForbidden = "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'";

const selfRows: readonly (readonly [review: object, said: string])[] = [
  [
    { spec: {} },
    'spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified',
  ],
  [
    { spec: { resourceAttributes: pods, nonResourceAttributes: { path: '/' } } },
    'spec.nonResourceAttributes: Invalid value: {"path":"/"}: cannot be specified in combination with resourceAttributes',
  ],
  [
    { spec: { resourceAttributes: pods }, metadata: { name: 'x' } },
    'metadata: Invalid value: {"name":"x"}: must be empty',
  ],
  [
    withField({ rawSelector: 'a=b', requirements: [{ key: 'a', operator: 'In', values: ['b'] }] }),
    `${field}.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements`,
  ],
  [
    withField({}),
    `${field}.requirements: Required value: when ${field} is specified, requirements or rawSelector is required`,
  ],
  [
    withField({ requirements: [{ operator: 'Exists' }] }),
    `${field}.requirements[0].key: Required value: must be specified`,
  ],
  [withField({ requirements: [{ key: 'a', operator: 'In' }] }), `${field}.requirements[0].values: ${valuesNeeded}`],
  [
    withField({ requirements: [{ key: 'a', operator: 'DoesNotExist', values: ['b'] }] }),
    `${field}.requirements[0].values: ${valuesForbidden}`,
  ],
  [
    withLabel({ rawSelector: 'a', requirements: [{ key: 'a', operator: 'Exists' }] }),
    `${label}.rawSelector: Invalid value: "a": may not specified at the same time as requirements`,
  ],
  [
    withLabel({}),
    `${label}.requirements: Required value: when ${label} is specified, requirements or rawSelector is required`,
  ],
  [withLabel({ requirements: [{ key: 'a', operator: 'NotIn' }] }), `${label}.requirements[0].values: ${valuesNeeded}`],
  [
    withLabel({ requirements: [{ key: 'a', operator: 'Exists', values: ['b'] }] }),
    `${label}.requirements[0].values: ${valuesForbidden}`,
  ],
  [withLabel({ requirements: [{ operator: 'Exists' }] }), noLabelKey],
];

const whom = { user: 'bob' };
const localRows: readonly (readonly [review: object, said: string])[] = [
  [
    { spec: { ...whom, nonResourceAttributes: { path: '/x' } } },
    'spec.nonResourceAttributes: Invalid value: {"path":"/x"}: disallowed on this kind of request',
  ],
  [
    { spec: { ...whom, resourceAttributes: { ...pods, namespace: 'other' } } },
    'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
  ],
  [
    { spec: { resourceAttributes: pods } },
    'spec.user: Invalid value: "": at least one of user or group must be specified',
  ],
  [
    { spec: { ...whom, resourceAttributes: pods }, metadata: { labels: { a: 'b' } } },
    'metadata: Invalid value: {"labels":{"a":"b"},"namespace":"default"}: must be empty except for namespace',
  ],
];

async function refusal(kind: string, review: object, namespace = ''): Promise<StatusError> {
  const error: unknown = await new Asked().create(kind, review, namespace).catch((rejected: unknown) => rejected);
  assert.ok(error instanceof StatusError, 'it was refused');
  return error;
}

describe('a review that is no good question is refused with the text and path of upstream', () => {
  for (const [review, said] of selfRows) {
    test(said, async () => {
      const { message, code } = await refusal('SelfSubjectAccessReview', review);
      assert.deepEqual([message, code], [`.authorization.k8s.io "" is invalid: ${said}`, 422]);
    });
  }
  for (const [review, said] of localRows) {
    test(`local: ${said}`, async () => {
      const { message } = await refusal('LocalSubjectAccessReview', review, 'default');
      assert.equal(message, `.authorization.k8s.io "" is invalid: ${said}`);
    });
  }
  test('a label that is none', async () => {
    const requirements = [{ key: 'a/b/c', operator: 'In', values: ['x y'] }];
    const { message } = await refusal('SelfSubjectAccessReview', withLabel({ requirements }));
    assert.match(message, /requirements\[0\]\.key: Invalid value: "a\/b\/c": a valid label key must/);
    assert.match(message, /requirements\[0\]\.values\[0\]: Invalid value: "x y": a valid label must/);
  });
  test('an object of another namespace', async () => {
    const review = { spec: { ...whom, resourceAttributes: pods }, metadata: { namespace: 'other' } };
    const { message, code } = await refusal('LocalSubjectAccessReview', review, 'default');
    const said = 'the namespace of the provided object does not match the namespace sent on the request';
    assert.deepEqual([message, code], [said, 400]);
  });
});

const readRows: readonly (readonly [selectors: object, read: object, evaluationError?: string])[] = [
  [{ fieldSelector: { rawSelector: 'spec.nodeName=n1' } }, { fieldSelector: 'spec.nodeName=n1' }],
  [
    {
      fieldSelector: {
        requirements: [
          { key: 'spec.nodeName', operator: 'In', values: ['a=b,c'] },
          { key: 'x', operator: 'NotIn', values: [''] },
        ],
      },
    },
    { fieldSelector: String.raw`spec.nodeName=a\=b\,c,x!=` },
  ],
  [
    {
      labelSelector: {
        requirements: [
          { key: 'app', operator: 'In', values: ['b', 'a'] },
          { key: 'old', operator: 'DoesNotExist' },
          { key: 'tier', operator: 'Exists' },
          { key: 'env', operator: 'NotIn', values: ['x'] },
        ],
      },
    },
    { labelSelector: 'app in (a,b),!old,tier,env notin (x)' },
  ],
  [
    { fieldSelector: { rawSelector: 'nonsense' }, labelSelector: { rawSelector: '(' } },
    {},
    `${field} ignored due to parse error; ${label} ignored due to parse error`,
  ],
  [
    {
      fieldSelector: {
        requirements: [
          { key: 'a', operator: 'In', values: ['1'] },
          { key: 'b', operator: 'Exists' },
        ],
      },
      labelSelector: {
        requirements: [
          { key: 'a', operator: 'Exists' },
          { key: 'a', operator: 'Later' },
        ],
      },
    },
    { fieldSelector: 'a=1', labelSelector: 'a' },
    `${field} partially ignored due to parse error; ${label} partially ignored due to parse error`,
  ],
  [
    { fieldSelector: { requirements: [{ key: 'a', operator: 'In', values: ['1', '2'] }] } },
    {},
    `${field} ignored due to parse error`,
  ],
];

test('selectors reach who decides as far as they can be read, and what cannot is told', async () => {
  for (const [selectors, read, evaluationError] of readRows) {
    const asked = new Asked();
    const status = await asked.status('SelfSubjectAccessReview', { resourceAttributes: { ...pods, ...selectors } });
    assert.deepEqual(status, { allowed: true, ...(evaluationError !== undefined && { evaluationError }) });
    const { fieldSelector, labelSelector } = asked.attributes ?? {};
    assert.deepEqual({ ...(fieldSelector && { fieldSelector }), ...(labelSelector && { labelSelector }) }, read);
  }
});

test('no version means all; who asks and who is asked about are told apart', async () => {
  const asked = new Asked();
  await asked.status('SelfSubjectAccessReview', { resourceAttributes: pods });
  assert.deepEqual([asked.attributes?.version, asked.attributes?.user], ['*', ann]);
  const extra = { scopes: ['x'] };
  await asked.status('SubjectAccessReview', { user: 'bob', groups: ['g'], uid: '1', extra, resourceAttributes: pods });
  assert.deepEqual(asked.attributes?.user, { name: 'bob', groups: ['g'], uid: '1', extra });
});

test('a review tells of a denial and of what went wrong', async () => {
  const asked = new Asked();
  asked.decision = { allowed: false, denied: true, reason: 'never', problem: 'late' };
  assert.deepEqual(await asked.status('SelfSubjectAccessReview', { resourceAttributes: pods }), {
    allowed: false,
    denied: true,
    reason: 'never',
    evaluationError: 'late',
  });
  asked.rules = { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }], incomplete: true, problem: 'cannot list' };
  assert.deepEqual(await asked.status('SelfSubjectRulesReview', { namespace: 'default' }), {
    resourceRules: [],
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }],
    incomplete: true,
    evaluationError: 'cannot list',
  });
});

test('the answer to a local review bears its namespace, that to any other none', async () => {
  const asked = new Asked();
  const spec = { ...whom, resourceAttributes: pods };
  assert.deepEqual((await asked.create('LocalSubjectAccessReview', { spec }, 'default'))['metadata'], {
    namespace: 'default',
  });
  const named = await asked.create('SubjectAccessReview', { spec, metadata: { namespace: 'default' } });
  assert.deepEqual(named['metadata'], {});
});

test('a selector has few requirements and values: more are one error, not one for each', async () => {
  const asked = new Asked();
  const values = Array.from({ length: 500 }, (_, index) => `!${index}`);
  const requirements = [1, 2].map(() => ({ key: 'a', operator: 'In', values }));
  const spec = { resourceAttributes: { ...pods, labelSelector: { requirements } } };
  await assert.rejects(asked.create('SelfSubjectAccessReview', { spec }), {
    message:
      '.authorization.k8s.io "" is invalid: spec.resourceAttributes.labelSelector.requirements: Too many: 1002: must have at most 1000 items',
  });
});
