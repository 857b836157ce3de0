import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CelEnvironment, celEnvironment } from '../../../lib/cel/environment.ts';
import { celTypes } from '../../../lib/cel/types.ts';
import { type Answer, AuthorizerValue, type Question, Questions, ResourceCheckValue } from './authorizer.ts';
import { kubernetesLibraries } from './index.ts';

const type = (name: string) => celTypes.opaque(`kubernetes.authorization.${name}`);
const environment: CelEnvironment = celEnvironment({
  variables: { authorizer: type('Authorizer'), requestResource: type('ResourceCheck') },
  libraries: kubernetesLibraries,
});
const user = { name: 'alice', groups: ['dev'] };

function program(expression: string) {
  const compiled = environment.compile(expression);
  assert.ok(compiled.kind === 'program', JSON.stringify(compiled));
  return compiled.program;
}

function evaluate(expression: string, questions: Questions) {
  const authorizer = new AuthorizerValue(user, questions);
  const requestResource = new ResourceCheckValue(authorizer, { group: 'apps', resource: 'deployments', name: 'web' });
  return program(expression).evaluate({ authorizer, requestResource });
}

const nobody = {
  group: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  fieldSelector: '',
  labelSelector: '',
};

test('an expression asks about resources, paths, service accounts, and what the request is about', () => {
  const deployments = "authorizer.group('apps').resource('deployments')";
  const rows: readonly (readonly [string, Partial<Question>])[] = [
    [`${deployments}.check('create').allowed()`, { group: 'apps', resource: 'deployments', verb: 'create' }],
    [
      `${deployments}.subresource('scale').namespace('a').name('b').check('get').allowed()`,
      { group: 'apps', resource: 'deployments', subresource: 'scale', namespace: 'a', name: 'b', verb: 'get' },
    ],
    [
      `${deployments}.fieldSelector('a=b').labelSelector('c').check('list').allowed()`,
      { group: 'apps', resource: 'deployments', fieldSelector: 'a=b', labelSelector: 'c', verb: 'list' },
    ],
    ["authorizer.path('/healthz').check('get').allowed()", { path: '/healthz', verb: 'get' }],
    [
      "requestResource.check('update').allowed()",
      { group: 'apps', resource: 'deployments', name: 'web', verb: 'update' },
    ],
    [
      "authorizer.serviceAccount('ns', 'sa').path('/x').check('get').allowed()",
      {
        user: {
          name: 'system:serviceaccount:ns:sa',
          groups: ['system:serviceaccounts', 'system:serviceaccounts:ns'],
        },
        path: '/x',
        verb: 'get',
      },
    ],
  ];
  for (const [expression, wanted] of rows) {
    const asked: Question[] = [];
    const questions = new Questions((question) => {
      asked.push(question);
      return { allowed: true, reason: '' };
    });
    const result = evaluate(expression, questions);
    assert.equal(result.kind === 'value' && result.value, true, expression);
    assert.deepEqual(asked, [{ user, path: '', ...nobody, ...wanted }], expression);
  }
});

test('decisions tell their reason, and what went wrong', () => {
  const answers = (answer: Answer) => new Questions(() => answer);
  const told = (of: string, answer: Answer): unknown => {
    const result = evaluate(`authorizer.path('/x').check('get').${of}()`, answers(answer));
    return result.kind === 'value' ? result.value : result.message;
  };
  assert.equal(told('reason', { allowed: false, reason: 'no role' }), 'no role');
  assert.equal(told('errored', { allowed: false, reason: '' }), false);
  assert.equal(told('error', { allowed: false, reason: '' }), '');
  assert.equal(told('errored', { allowed: false, reason: '', problem: 'out of reach' }), true);
  assert.equal(told('error', { allowed: false, reason: '', problem: 'out of reach' }), 'out of reach');
});

test('what cannot be asked fails', () => {
  const questions = new Questions(() => assert.fail('nobody is asked'));
  const rows = [
    ["authorizer.path(' ').check('get').allowed()", 'path must not be empty'],
    ["authorizer.group('').resource('').check('get').allowed()", 'resource must not be empty'],
    ["authorizer.serviceAccount('a.b', 'c').path('/x').check('get').allowed()", 'Invalid service account namespace'],
    ["authorizer.serviceAccount('a', 'c@d').path('/x').check('get').allowed()", 'Invalid service account name'],
  ] as const;
  for (const [expression, message] of rows) {
    const result = evaluate(expression, questions);
    assert.equal(result.kind === 'error' && result.message, message);
  }
});

test('an answer that takes a while is waited for, and each question is asked once', async () => {
  let asked = 0;
  const questions = new Questions(async ({ verb }) => {
    asked++;
    return { allowed: verb === 'get', reason: '' };
  });
  const expression = "authorizer.path('/x').check('get').allowed() || authorizer.path('/x').check('put').allowed()";
  const first = evaluate(expression, questions);
  assert.ok(first.kind === 'error' && questions.isWaiting);
  await questions.settled();
  const second = evaluate(expression, questions);
  assert.deepEqual([second.kind === 'value' && second.value, questions.isWaiting, asked], [true, false, 2]);
});

test('an expression may ask twice, and no third time', () => {
  const check = "authorizer.path('/x').check('get').allowed()";
  assert.ok(program(`${check} && ${check}`).cost().max < 1_000_000);
  const questions = new Questions(() => ({ allowed: true, reason: '' }));
  const result = evaluate(`${check} && ${check} && ${check}`, questions);
  assert.ok(result.kind === 'error' && result.isCostExceeded);
});
