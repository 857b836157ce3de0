import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { stringifyYaml } from '../../api/yaml.ts';
import { parseAuthorizationConfiguration } from './configuration.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-authorization-'));
const kubeConfigFile = path.join(folder, 'kubeconfig');
writeFileSync(kubeConfigFile, 'x');
after(() => rmSync(folder, { recursive: true }));

const webhook = {
  timeout: '3s',
  subjectAccessReviewVersion: 'v1',
  matchConditionSubjectAccessReviewVersion: 'v1',
  failurePolicy: 'Deny',
  connectionInfo: { type: 'KubeConfigFile', kubeConfigFile },
  matchConditions: [{ expression: "request.user != 'ann'" }],
};

const textOf = (authorizers: unknown, more: object = {}): string =>
  stringifyYaml({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthorizationConfiguration',
    authorizers,
    ...more,
  });

const withWebhook = (changes: object): string =>
  textOf([{ type: 'Webhook', name: 'hook', webhook: { ...webhook, ...changes } }]);

function refusal(text: string): string {
  try {
    parseAuthorizationConfiguration(text);
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
}

test('a whole file is read, with the defaults of upstream', () => {
  const [first, second, third] = parseAuthorizationConfiguration(
    textOf([
      { type: 'Webhook', name: 'hook', webhook },
      { type: 'Node', name: 'node' },
      {
        type: 'Webhook',
        name: 'other.example',
        webhook: { ...webhook, authorizedTTL: '10s', cacheUnauthorizedRequests: false, matchConditions: null },
      },
    ]),
  );
  assert.ok(first?.type === 'Webhook' && third?.type === 'Webhook');
  const { matchConditions, ...rest } = first.webhook;
  assert.deepEqual(rest, {
    timeoutMs: 3000,
    authorizedMs: 300_000,
    unauthorizedMs: 30_000,
    reviewVersion: 'v1',
    failurePolicy: 'Deny',
    kubeConfigFile,
  });
  assert.deepEqual(
    matchConditions.map(({ expression }) => expression),
    ["request.user != 'ann'"],
  );
  assert.deepEqual(second, { type: 'Node', name: 'node' });
  assert.deepEqual([third.webhook.authorizedMs, third.webhook.unauthorizedMs], [10_000, 0]);
});

const at = 'authorizers[0]';
const rbac = (more: object) => textOf([{ type: 'RBAC', name: 'rbac', ...more }]);
const authorizerRows: readonly (readonly [file: string, said: string])[] = [
  [textOf([]), 'authorizers: Required value: at least one authorization mode must be defined'],
  [rbac({ type: '' }), `${at}.type: Required value`],
  [
    rbac({ type: 'ABAC' }),
    `${at}.type: Unsupported value: "ABAC": supported values: "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"`,
  ],
  [rbac({ name: '' }), `${at}.name: Required value`],
  [rbac({ webhook }), `${at}.webhook: Invalid value: "non-null": may only be specified when type=Webhook`],
  [textOf([{ type: 'Webhook', name: 'hook' }]), `${at}.webhook: Required value: required when type=Webhook`],
  [
    textOf([
      { type: 'RBAC', name: 'a' },
      { type: 'RBAC', name: 'b' },
    ]),
    'authorizers[1].type: Duplicate value: "RBAC"',
  ],
  [
    textOf([
      { type: 'RBAC', name: 'a' },
      { type: 'Node', name: 'a' },
    ]),
    'authorizers[1].name: Duplicate value: "a"',
  ],
  [rbac({ more: 1 }), 'strict decoding error: unknown field "authorizers[0].more"'],
  [rbac({ name: 1 }), 'json: cannot unmarshal number into field authorizers[0].name of type string'],
  [textOf([], { kind: 'Other' }), 'no kind "Other" is registered for version "apiserver.config.k8s.io/v1"'],
];

const webhookRows: readonly (readonly [changes: object, said: string])[] = [
  [{ timeout: '0s' }, `${at}.timeout: Required value`],
  [{ timeout: '31s' }, `${at}.timeout: Invalid value: "31s": must be > 0s and <= 30s`],
  [{ timeout: '-1s' }, `${at}.timeout: Invalid value: "-1s": must be > 0s and <= 30s`],
  [{ timeout: 'soon' }, `${at}.webhook.timeout: time: invalid duration "soon"`],
  [{ authorizedTTL: '-1m' }, `${at}.authorizedTTL: Invalid value: "-1m0s": must be > 0s`],
  [{ unauthorizedTTL: '-1ms' }, `${at}.unauthorizedTTL: Invalid value: "-1ms": must be > 0s`],
  [{ subjectAccessReviewVersion: '' }, `${at}.subjectAccessReviewVersion: Required value`],
  [
    { subjectAccessReviewVersion: 'v2' },
    `${at}.subjectAccessReviewVersion: Unsupported value: "v2": supported values: "v1", "v1beta1"`,
  ],
  [
    { matchConditionSubjectAccessReviewVersion: '' },
    `${at}.matchConditionSubjectAccessReviewVersion: Required value: required if match conditions are specified`,
  ],
  [
    { matchConditionSubjectAccessReviewVersion: 'v1beta1' },
    `${at}.matchConditionSubjectAccessReviewVersion: Unsupported value: "v1beta1": supported values: "v1"`,
  ],
  [{ failurePolicy: '' }, `${at}.failurePolicy: Required value`],
  [
    { failurePolicy: 'Allow' },
    `${at}.failurePolicy: Unsupported value: "Allow": supported values: "NoOpinion", "Deny"`,
  ],
  [{ connectionInfo: {} }, `${at}.connectionInfo.type: Required value`],
  [
    { connectionInfo: { type: 'InClusterConfig' } },
    `${at}.connectionInfo.type: Invalid value: "InClusterConfig": the API server cannot ask itself, use KubeConfigFile`,
  ],
  [
    { connectionInfo: { type: 'InClusterConfig', kubeConfigFile: '/x' } },
    `${at}.connectionInfo.kubeConfigFile: Invalid value: "/x": can only be set when type=KubeConfigFile`,
  ],
  [{ connectionInfo: { type: 'KubeConfigFile' } }, `${at}.connectionInfo.kubeConfigFile: Required value`],
  [
    { connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: 'x' } },
    `${at}.connectionInfo.kubeConfigFile: Invalid value: "x": must be an absolute path`,
  ],
  [
    { connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: '/nowhere/at-all' } },
    `${at}.connectionInfo.kubeConfigFile: Invalid value: "/nowhere/at-all": error loading file: stat /nowhere/at-all: no such file or directory`,
  ],
  [
    { connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: '/' } },
    `${at}.connectionInfo.kubeConfigFile: Invalid value: "/": must be a regular file`,
  ],
  [{ matchConditions: [{ expression: ' ' }] }, `${at}.matchConditions[0].expression: Required value`],
  [
    { matchConditions: [{ expression: 'true' }, { expression: 'true' }] },
    `${at}.matchConditions[1].expression: Duplicate value: "true"`,
  ],
  [
    { matchConditions: [{ expression: 'request.user' }] },
    `${at}.matchConditions[0].expression: Invalid value: "request.user": must evaluate to bool but got string`,
  ],
  [
    { matchConditions: Array.from({ length: 65 }, (_, index) => ({ expression: `request.uid == '${index}'` })) },
    `${at}.matchConditions: Too many: 65: must have at most 64 items`,
  ],
];

describe('a file with a fault is refused in the words of upstream', () => {
  for (const [file, said] of authorizerRows) test(said, () => assert.equal(refusal(file), said));
  for (const [changes, said] of webhookRows) test(said, () => assert.equal(refusal(withWebhook(changes)), said));
});

test('all faults are told at once, and an expression that is none with its place', () => {
  const several = refusal(withWebhook({ timeout: '', failurePolicy: '' }).replace('timeout: ""', 'timeout: 0s'));
  assert.equal(several, `[${at}.timeout: Required value, ${at}.failurePolicy: Required value]`);
  const wrong = refusal(withWebhook({ matchConditions: [{ expression: 'user == 1' }] }));
  assert.match(
    wrong,
    /matchConditions\[0\]\.expression: Invalid value: "user == 1": compilation failed: ERROR: .*:1:1:/,
  );
  assert.match(wrong, /undeclared reference to 'user'/);
  assert.match(
    refusal(rbac({ name: 'Not A Name' })),
    /name: Invalid value: "Not A Name": authorizer name is invalid: a/,
  );
});
