import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from '../../api/schema/types/core-v1.ts';
import { make } from '../testing.ts';
import { environmentOf } from './environment.ts';
import { expand } from './expansion.ts';

const source = {
  configMap: async ({ name }: { name: string }) =>
    name === 'settings' ? { data: { A: 'from-map', 'not a name': 'x' } } : undefined,
  secret: async ({ name }: { name: string }) =>
    name === 'password' ? { data: { pw: Buffer.from('s3cret').toString('base64') } } : undefined,
  trustBundle: async () => undefined,
  trustBundlesOf: async () => [],
  token: async () => ({ token: '', expiresAtMs: 0 }),
};

const volumes = [
  { name: 'out', emptyDir: {} },
  { name: 'config', configMap: { name: 'settings' } },
];

const files: Readonly<Record<string, string>> = {
  'out/app.env': "# made by init\nNAME='value' # why\nEMPTY= 'x'\nLINES='a\nb'\n",
  'out/bad.env': 'NAME=value\n',
  'out/big.env': ' '.repeat(65 * 1024),
};

async function fileIn(volume: string, path: string, bytesMax: number): Promise<Buffer> {
  const text = files[`${volume}/${path}`];
  if (text === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
  return Buffer.from(text).subarray(0, bytesMax);
}

async function variables(container: Partial<Container>): Promise<Record<string, string>> {
  const facts = {
    pod: make.pod({ serviceAccountName: 'builder', volumes }, { labels: { tier: 'web' } }),
    podIps: ['10.42.0.5', 'fd00::5'],
    hostIps: ['192.0.2.1'],
    allocatable: { milliCpu: 4000, memoryBytes: 2 ** 30 },
    source,
    base: [{ name: 'KUBERNETES_SERVICE_HOST', value: '10.43.0.1' }],
    file: fileIn,
  };
  return Object.fromEntries(await environmentOf(facts, make.container('app', container)));
}

test('references are expanded from what stands before, dollars are escaped, the unknown stays', () => {
  const known = new Map([['A', 'x']]);
  const cases: readonly (readonly [string, string])[] = [
    ['$(A)-$(A)', 'x-x'],
    ['$$(A)', '$(A)'],
    ['$(B)', '$(B)'],
    ['$A', '$A'],
    ['$(A', '$(A'],
    ['a$', 'a$'],
    ['$$$(A)', '$x'],
  ];
  for (const [text, expected] of cases) assert.equal(expand(text, known), expected, text);
});

test('variables come from values, objects, the pod and its resources; later ones win', async () => {
  const found = await variables({
    envFrom: [{ configMapRef: { name: 'settings' } }, { prefix: 'S_', secretRef: { name: 'password' } }],
    resources: { limits: { cpu: '1500m', memory: '100Mi' } },
    env: [
      { name: 'API', value: 'https://$(KUBERNETES_SERVICE_HOST)' },
      { name: 'A', value: 'own' },
      { name: 'PW', valueFrom: { secretKeyRef: { name: 'password', key: 'pw' } } },
      { name: 'TIER', valueFrom: { fieldRef: { fieldPath: "metadata.labels['tier']" } } },
      { name: 'IPS', valueFrom: { fieldRef: { fieldPath: 'status.podIPs' } } },
      { name: 'ACCOUNT', valueFrom: { fieldRef: { fieldPath: 'spec.serviceAccountName' } } },
      { name: 'CPUS', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      { name: 'MIB', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      { name: 'GONE', valueFrom: { configMapKeyRef: { name: 'absent', key: 'x', optional: true } } },
    ],
  });
  assert.deepEqual(found, {
    KUBERNETES_SERVICE_HOST: '10.43.0.1',
    A: 'own',
    'not a name': 'x',
    S_pw: 's3cret',
    API: 'https://10.43.0.1',
    PW: 's3cret',
    TIER: 'web',
    IPS: '10.42.0.5,fd00::5',
    ACCOUNT: 'builder',
    CPUS: '2',
    MIB: '100',
  });
});

test('without a limit of its own a container sees what the node offers', async () => {
  const valueFrom = { resourceFieldRef: { resource: 'limits.memory' } };
  assert.equal((await variables({ env: [{ name: 'M', valueFrom }] })).M, String(2 ** 30));
});

test('what is missing says what, in the words that clients know', async () => {
  const cases: readonly (readonly [Partial<Container>, string])[] = [
    [{ envFrom: [{ secretRef: { name: 'absent' } }] }, 'secret "absent" not found'],
    [
      { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'settings', key: 'nope' } } }] },
      "couldn't find key nope in ConfigMap default/settings",
    ],
    [{ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'spec.nope' } } }] }, 'unsupported fieldPath: spec.nope'],
  ];
  for (const [container, message] of cases) {
    await assert.rejects(variables(container), { name: 'ConfigError', message });
  }
});

test('variables come from a file that the pod wrote', async () => {
  const from = (key: string, path = 'app.env', more = {}) => ({
    env: [{ name: 'X', valueFrom: { fileKeyRef: { volumeName: 'out', path, key, ...more } } }],
  });
  const valueOf = async (container: Partial<Container>) => (await variables(container))['X'];
  assert.equal(await valueOf(from('NAME')), 'value');
  assert.equal(await valueOf(from('EMPTY')), '');
  assert.equal(await valueOf(from('LINES')), 'a\nb');
  assert.equal(await valueOf(from('NONE', 'app.env', { optional: true })), undefined);
  assert.equal(await valueOf(from('NAME', 'none.env', { optional: true })), undefined);
  const cases: readonly (readonly [Partial<Container>, string])[] = [
    [from('NONE'), 'environment variable key "NONE" not found in file "app.env" of volume "out"'],
    [from('NAME', 'none.env'), `couldn't read file "none.env" in volume "out"`],
    [from('NAME', 'bad.env'), 'invalid environment variable format at line 1: value must be enclosed in single quotes'],
    [from('NAME', 'big.env'), 'file "big.env" in volume "out" is larger than 65536 bytes'],
    [from('x'.repeat(129)), `environment variable key "${'x'.repeat(129)}" exceeds maximum length of 128 characters`],
    [from('A', 'a', { volumeName: 'none' }), 'cannot find the volume "none" referenced by FileKeyRef'],
    [from('A', 'a', { volumeName: 'config' }), 'the volume "config" referenced by FileKeyRef must be an emptyDir'],
  ];
  for (const [container, message] of cases) {
    await assert.rejects(variables(container), { name: 'ConfigError', message });
  }
});

test('every key of an object may name a variable, with a prefix or without', async () => {
  const { 'not a name': plain, 'P_not a name': prefixed } = await variables({
    envFrom: [{ configMapRef: { name: 'settings' } }, { prefix: 'P_', configMapRef: { name: 'settings' } }],
  });
  assert.deepEqual([plain, prefixed], ['x', 'x']);
});
