import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfiguration, sealingOf } from './encryption-configuration.ts';

const secret = Buffer.alloc(32, 1).toString('base64');
const key = { name: 'one', secret };

const configuration = (...rules: unknown[]) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'EncryptionConfiguration',
  resources: rules,
});

const rule = (resources: unknown, ...providers: unknown[]) => ({ resources, providers });
const gcm = (...keys: unknown[]) => ({ aesgcm: { keys } });

test('a valid configuration becomes rules in its order', () => {
  const read = readConfiguration(configuration(rule(['secrets', 'things.example.com'], gcm(key), { identity: {} })));
  assert.deepEqual(sealingOf(read), [
    {
      resources: ['secrets', 'things.example.com'],
      providers: [{ kind: 'aesgcm', name: 'one', secret: new Uint8Array(32).fill(1) }, { kind: 'identity' }],
    },
  ]);
});

const refused: readonly [what: string, value: unknown, message: string][] = [
  [
    'another kind',
    { apiVersion: 'v1', kind: 'Secret' },
    'it must be apiserver.config.k8s.io/v1 EncryptionConfiguration, not v1 Secret',
  ],
  ['no rules', configuration(), 'resources: Required value: at least one resources is required'],
  [
    'no resources',
    configuration(rule([], gcm(key))),
    'resources[0].resources: Required value: at least one resources[0].resources is required',
  ],
  [
    'no providers',
    configuration(rule(['secrets'])),
    'resources[0].providers: Required value: at least one resources[0].providers is required',
  ],
  [
    'no keys',
    configuration(rule(['secrets'], gcm())),
    'resources[0].providers[0].aesgcm.keys: Required value: at least one keys is required',
  ],
  [
    'a key without name and secret',
    configuration(rule(['secrets'], gcm({}))),
    '[resources[0].providers[0].aesgcm.keys[0].name: Required value: name is a mandatory field for a key, resources[0].providers[0].aesgcm.keys[0].secret: Required value: secret is a mandatory field for a key]',
  ],
  [
    'a short key',
    configuration(rule(['secrets'], gcm({ name: 'one', secret: 'c2hvcnQ=' }))),
    'resources[0].providers[0].aesgcm.keys[0].secret: Invalid value: "REDACTED": secret is not of the expected length, got 5, expected one of [16 24 32]',
  ],
  [
    'a key that is not base64',
    configuration(rule(['secrets'], gcm({ name: 'one', secret: 'not*base64' }))),
    'resources[0].providers[0].aesgcm.keys[0].secret: Invalid value: "REDACTED": secrets must be base64 encoded',
  ],
  [
    'two providers in one',
    configuration(rule(['secrets'], { ...gcm(key), identity: {} })),
    'resources[0].providers[0]: Invalid value: "REDACTED": more than one provider specified in a single element, should split into different list elements',
  ],
  [
    'an empty provider',
    configuration(rule(['secrets'], {})),
    'resources[0].providers[0]: Invalid value: "REDACTED": provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity',
  ],
  [
    'secretbox',
    configuration(rule(['secrets'], { secretbox: { keys: [key] } })),
    'resources[0].providers[0].secretbox: naru does not seal with secretbox; use aesgcm',
  ],
  [
    'kms',
    configuration(rule(['secrets'], { kms: { name: 'x' } })),
    'resources[0].providers[0].kms: naru does not call KMS plugins; use aesgcm',
  ],
  [
    'to seal with aescbc',
    configuration(rule(['secrets'], { aescbc: { keys: [key] } })),
    'resources[0].providers[0].aescbc: Invalid value: "REDACTED": naru opens values of aescbc and seals none with it; put an aesgcm provider in front',
  ],
  [
    'an unknown field',
    configuration(rule(['secrets'], { aesgcm: { keys: [{ ...key, salt: 'x' }] } })),
    'unknown field "resources[0].providers[0].aesgcm.keys[0].salt"',
  ],
  [
    'capital letters',
    configuration(rule(['Secrets'], gcm(key))),
    'resources[0].resources[0]: Invalid value: "Secrets": resource name should not contain capital letters',
  ],
  [
    'a lone star',
    configuration(rule(['*'], gcm(key))),
    `resources[0].resources[0]: Invalid value: "*": use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources`,
  ],
  [
    'a resource of all groups',
    configuration(rule(['jobs.*'], gcm(key))),
    'resources[0].resources[0]: Invalid value: "jobs.*": encrypting the same resource across groups is not supported',
  ],
  [
    'a resource twice',
    configuration(rule(['secrets', 'secrets'], gcm(key))),
    'resources[0].resources: Invalid value: ["secrets","secrets"]: the same resource cannot be specified multiple times',
  ],
  [
    'a resource and its group',
    configuration(rule(['secrets', '*.'], gcm(key))),
    `resources[0].resources: Invalid value: ["secrets","*."]: using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked`,
  ],
  [
    'a rule behind a wider one',
    configuration(rule(['*.'], gcm(key)), rule(['secrets'], gcm(key))),
    'resource "secrets" is masked by earlier rule "*."',
  ],
  [
    'two keys of one name',
    configuration(
      rule(['secrets'], gcm(key)),
      rule(['configmaps'], gcm({ name: 'one', secret: Buffer.alloc(32, 2).toString('base64') })),
    ),
    'the aesgcm key "one" is listed with two secrets; give each its own name',
  ],
];

test('what is not valid is refused in upstream words, and no key is shown', () => {
  for (const [what, value, message] of refused) {
    assert.throws(
      () => readConfiguration(value),
      (error: Error) => {
        assert.equal(error.message, message, what);
        assert.ok(!error.message.includes(secret), what);
        return true;
      },
      what,
    );
  }
});
