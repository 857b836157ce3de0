import assert from 'node:assert/strict';
import { test } from 'node:test';
import { credentialsFor } from './pull-secrets.ts';

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
const auth = Buffer.from('me:pass:word').toString('base64');
const secret = (registry: string) => ({ data: { '.dockerconfigjson': encode({ auths: { [registry]: { auth } } }) } });

test('credentials go to the registry that they are for, and to no other', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['registry.example.com', 'registry.example.com/app:1', true],
    ['https://registry.example.com/v1/', 'registry.example.com/app:1', true],
    ['registry.example.com', 'other.example.com/app:1', false],
    ['registry.example.com:5000', 'registry.example.com:5000/app', true],
    ['registry.example.com', 'registry.example.com:5000/app', false],
    ['*.example.com', 'registry.example.com/app', true],
    ['*.example.com', 'a.b.example.com/app', false],
    ['registry.example.com/team', 'registry.example.com/team/app', true],
    ['registry.example.com/team', 'registry.example.com/teamster/app', false],
    ['https://index.docker.io/v1/', 'nginx', true],
    ['https://index.docker.io/v1/', 'library/nginx', true],
    ['docker.io', 'docker.io/library/nginx', true],
    ['https://index.docker.io/v1/', 'quay.io/nginx', false],
  ];
  for (const [registry, image, fits] of cases) {
    assert.equal(credentialsFor(image, secret(registry)).length, fits ? 1 : 0, `${registry} for ${image}`);
  }
});

test('both formats are read; a password may hold a colon; what does not parse gives nothing', () => {
  const me = [{ username: 'me', password: 'pass:word' }];
  assert.deepEqual(credentialsFor('a.example/x', secret('a.example')), me);
  assert.deepEqual(credentialsFor('a.example/x', { data: { '.dockercfg': encode({ 'a.example': { auth } }) } }), me);
  const plain = { '.dockerconfigjson': encode({ auths: { 'a.example': { username: 'u', password: 'p' } } }) };
  assert.deepEqual(credentialsFor('a.example/x', { data: plain }), [{ username: 'u', password: 'p' }]);
  assert.deepEqual(credentialsFor('a.example/x', { data: { '.dockerconfigjson': 'bm90IGpzb24=' } }), []);
});
