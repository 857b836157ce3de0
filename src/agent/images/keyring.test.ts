import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dockerConfigEntries, fittingEntries, secretEntries } from './keyring.ts';

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
const basic = (text: string) => Buffer.from(text).toString('base64');
const entriesFor = (...registries: readonly string[]) =>
  dockerConfigEntries(
    JSON.stringify({ auths: Object.fromEntries(registries.map((one) => [one, { auth: basic(`${one}\t:p`) }])) }),
  );

test('credentials go to the registry that they are for, and to no other', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['registry.example.com', 'registry.example.com/app:1', true],
    ['https://registry.example.com/v1/', 'registry.example.com/app:1', true],
    ['registry.example.com', 'other.example.com/app:1', false],
    ['registry.example.com:5000', 'registry.example.com:5000/app', true],
    ['registry.example.com', 'registry.example.com:5000/app', false],
    ['*.example.com', 'registry.example.com/app', true],
    ['*.example.com', 'a.b.example.com/app', false],
    ['*.example.com:5000', 'registry.example.com:5000/app', true],
    ['reg*try.example.com', 'registry.example.com/app', true],
    ['*y*s*.example.com', 'registry.example.com/app', false],
    ['registry.example.com/team', 'registry.example.com/team/app', true],
    ['registry.example.com/team', 'registry.example.com/team@sha256:0', true],
    ['registry.example.com/team', 'registry.example.com/teamster/app', false],
    ['https://index.docker.io/v1/', 'nginx', true],
    ['https://index.docker.io/v1/', 'library/nginx', true],
    ['docker.io', 'docker.io/library/nginx', true],
    ['https://index.docker.io/v1/', 'quay.io/nginx', false],
    ['registry.example.comx', 'registry.example.com/app', false],
  ];
  for (const [registry, image, fits] of cases) {
    assert.equal(fittingEntries(entriesFor(registry), image).length, fits ? 1 : 0, `${registry} for ${image}`);
  }
});

test('the most particular entry is tried first, whatever the order of the file', () => {
  const entries = entriesFor('quay.io', 'https://quay.io/team/app', 'quay.io/team', 'other.io');
  const tried = fittingEntries(entries, 'quay.io/team/app:1').map(({ registry }) => registry);
  assert.deepEqual(tried, ['https://quay.io/team/app', 'quay.io/team', 'quay.io']);
});

test('a pattern of many stars takes no longer than its length', () => {
  const pattern = `${'*a'.repeat(40)}.example.com`;
  assert.deepEqual(fittingEntries(entriesFor(pattern), `${'a'.repeat(39)}.example.com/app`), []);
});

test('both formats are read, each of its type; a password may hold a colon; what does not parse gives nothing', () => {
  const me = [{ registry: 'a.example', credentials: { username: 'me', password: 'pass:word' } }];
  const auths = { 'a.example': { auth: basic('me:pass:word') } };
  const json = 'kubernetes.io/dockerconfigjson';
  assert.deepEqual(secretEntries({ type: json, data: { '.dockerconfigjson': encode({ auths }) } }), me);
  assert.deepEqual(secretEntries({ type: 'kubernetes.io/dockercfg', data: { '.dockercfg': encode(auths) } }), me);
  assert.deepEqual(secretEntries({ type: 'Opaque', data: { '.dockerconfigjson': encode({ auths }) } }), []);
  const plain = encode({ auths: { 'a.example': { username: 'u', password: 'p' } } });
  const [entry] = secretEntries({ type: json, data: { '.dockerconfigjson': plain } });
  assert.deepEqual(entry?.credentials, { username: 'u', password: 'p' });
  for (const broken of ['not json', '[]', '{"auths":[1]}', '{"auths":{"a":null,"b":{"auth":7}}}']) {
    assert.deepEqual(secretEntries({ type: json, data: { '.dockerconfigjson': basic(broken) } }), [], broken);
  }
});
