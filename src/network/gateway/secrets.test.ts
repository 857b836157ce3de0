import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import type { ConfigMap, Secret } from '../../api/schema/types/core-v1.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import { startTestApi } from '../../client/testing.ts';
import { issueAuthority, issueLeaf } from '../../server/certificates/issue.ts';
import { authoritiesOf, certificateOf, usersOf } from './certificate-facts.ts';
import { GatewaySecrets } from './secrets.ts';

const lifetime = { nowMs: Date.UTC(2026, 0, 1), lifetimeMs: 90 * 24 * 60 * 60_000 };
const authority = await issueAuthority('Test', lifetime);
const issuer = { certificate: authority.certificate, privateKey: createPrivateKey(authority.key) };
const subject = { commonName: 'a.example', organizations: [] };
const leafFor = (...names: string[]) => issueLeaf(issuer, { ...lifetime, subject, usage: 'server', names });
const own = await leafFor('a.example', '*.B.example');
const other = await leafFor('c.example');
const unnamed = await leafFor();

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secretOf = (data: Readonly<Record<string, string>>, name = 's'): Secret => ({
  metadata: { namespace: 'default', name },
  data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)])),
});

describe('certificates', () => {
  test('key and chain come out as one, with the names and the end', () => {
    const found = certificateOf(secretOf({ 'tls.crt': own.certificate + authority.certificate, 'tls.key': own.key }));
    assert.equal(found.kind, 'found');
    if (found.kind !== 'found') return;
    const { id, pem, names, notAfterMs } = found.value;
    assert.deepEqual([id, names], ['default/s', ['a.example', '*.b.example']]);
    assert.equal(notAfterMs, lifetime.nowMs + lifetime.lifetimeMs);
    assert.deepEqual(pem.match(/BEGIN [A-Z ]+/g), ['BEGIN PRIVATE KEY', 'BEGIN CERTIFICATE', 'BEGIN CERTIFICATE']);
  });

  test('without alternative names the common name is its name', () => {
    const found = certificateOf(secretOf({ 'tls.crt': unnamed.certificate, 'tls.key': unnamed.key }));
    assert.deepEqual(found.kind === 'found' && found.value.names, ['a.example']);
  });

  const locked = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const lockedPem = locked.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
  const broken = `-----BEGIN CERTIFICATE-----\n${base64('nothing')}\n-----END CERTIFICATE-----\n`;
  const rows: readonly (readonly [what: string, data: Readonly<Record<string, string>>, why: string])[] = [
    ['nothing', {}, 'it has no tls.crt'],
    ['no key', { 'tls.crt': own.certificate }, 'it has no tls.key'],
    ['words', { 'tls.crt': 'words', 'tls.key': own.key }, 'tls.crt has no certificate'],
    [
      'a broken one',
      { 'tls.crt': broken, 'tls.key': own.key },
      'tls.crt has a certificate (number 1) that cannot be read',
    ],
    [
      'a broken chain',
      { 'tls.crt': own.certificate + broken, 'tls.key': own.key },
      'tls.crt has a certificate (number 2) that cannot be read',
    ],
    [
      'too many',
      { 'tls.crt': own.certificate.repeat(17), 'tls.key': own.key },
      'tls.crt has more than 16 certificates',
    ],
    [
      'a broken key',
      { 'tls.crt': own.certificate, 'tls.key': 'x' },
      'tls.key is no private key without a password (PEM)',
    ],
    [
      'a locked key',
      { 'tls.crt': own.certificate, 'tls.key': lockedPem },
      'tls.key is no private key without a password (PEM)',
    ],
    [
      'another key',
      { 'tls.crt': own.certificate, 'tls.key': other.key },
      'tls.key does not belong to the first certificate of tls.crt',
    ],
  ];
  for (const [what, data, why] of rows) {
    test(`${what}: ${why}`, () => assert.deepEqual(certificateOf(secretOf(data)), { kind: 'bad', why }));
  }
});

test('authorities are in ca.crt: encoded in Secrets, plain in ConfigMaps', () => {
  const inSecret = authoritiesOf(secretOf({ 'ca.crt': `words\n${authority.certificate}` }), true);
  const map: ConfigMap = { data: { 'ca.crt': authority.certificate } };
  assert.deepEqual(inSecret, authoritiesOf(map, false));
  assert.equal(inSecret.kind, 'found');
  assert.deepEqual(authoritiesOf({}, false), { kind: 'bad', why: 'it has no ca.crt' });
  assert.deepEqual(authoritiesOf({ data: { 'ca.crt': 'x' } }, false), {
    kind: 'bad',
    why: 'ca.crt has no certificate',
  });
});

test('users are a file, or a key each; one that would break out of its line is none', () => {
  assert.deepEqual(usersOf(secretOf({ auth: 'ann:$apr1$x$y\n\n# note\nbob:$2y$05$z\n' }), 'auth-file'), {
    kind: 'found',
    value: ['ann:$apr1$x$y', 'bob:$2y$05$z'],
  });
  assert.deepEqual(usersOf(secretOf({ ann: 'h\n', bob: 'i' }), 'auth-map'), {
    kind: 'found',
    value: ['ann:h', 'bob:i'],
  });
  const bad: readonly (readonly [text: string, why: string])[] = [
    ['', 'it has no key auth'],
    ['# none', 'it names no user'],
    ['ann:x\nbob', 'its user number 2 has not the form name:hash'],
    ['a b:x', 'its user number 1 has not the form name:hash'],
    ['ann:x y', 'its user number 1 has not the form name:hash'],
    ['a"b:x', 'its user number 1 has not the form name:hash'],
  ];
  for (const [text, why] of bad) assert.deepEqual(usersOf(secretOf({ auth: text }), 'auth-file'), { kind: 'bad', why });
});

test('a hash that would hold up everybody while it is checked is not taken, nor are too many slow ones', () => {
  const kindOf = (...hashes: readonly string[]): string => {
    const auth = hashes.map((hash, index) => `u${index}:${hash}`).join('\n');
    return usersOf(secretOf({ auth }), 'auth-file').kind;
  };
  const salted = 'saltsaltsaltsaltsaltsu';
  const taken = [`$2y$10$${salted}`, `$6$rounds=100000$${salted}`, `$6$${salted}`, `$y$j9T$${salted}`, '$apr1$x$y'];
  const refused = [
    `$2y$16$${salted}`,
    `$2b$31$${salted}`,
    `$5$rounds=999999999$${salted}`,
    `$y$jFT$${salted}`,
    `$y$j9T.8$${salted}`,
  ];
  assert.deepEqual(
    taken.map((hash) => kindOf(hash)),
    taken.map(() => 'found'),
  );
  assert.deepEqual(
    refused.map((hash) => kindOf(hash)),
    refused.map(() => 'bad'),
  );
  assert.equal(kindOf(...Array.from({ length: 50 }, () => `$2y$10$${salted}`)), 'found');
  assert.equal(kindOf(...Array.from({ length: 500 }, () => `$2y$10$${salted}`)), 'bad');
  assert.equal(kindOf(...Array.from({ length: 1000 }, () => `$2y$05$${salted}`)), 'found');
});

test('what a translation asks for is followed, read once for each version, and forgotten with the last that asks', async (context: TestContext) => {
  const api = await startTestApi();
  let changes = 0;
  const all = new GatewaySecrets({ ...api, changed: () => void changes++ });
  context.after(async () => {
    await all.close();
    await api.store.close();
  });
  const { client, clock } = api;
  const reference = { namespace: 'default', name: 's' };
  const ask = () => all.during((named) => named.certificate(reference));
  assert.deepEqual([ask().kind, all.isSettled], ['pending', false]);
  await clock.advance(0);
  assert.deepEqual([ask().kind, all.isSettled, changes], ['missing', true, 1]);
  await client.create(secrets, secretOf({ 'tls.crt': own.certificate, 'tls.key': own.key }));
  await clock.advance(0);
  const first = ask();
  assert.equal(first.kind, 'found');
  assert.equal(ask(), first, 'not parsed again');
  await client.patch(secrets, reference, { type: 'merge', body: { data: { 'tls.key': base64('x') } } });
  await clock.advance(0);
  assert.equal(ask().kind, 'bad');
  assert.equal(changes, 3);
  await client.create(configMaps, {
    metadata: { namespace: 'default', name: 'ca' },
    data: { 'ca.crt': authority.certificate },
  });
  const askMap = () => all.during((named) => named.authorities('ConfigMap', { namespace: 'default', name: 'ca' }));
  askMap();
  assert.equal(all.size, 1, 'the Secret is forgotten');
  await clock.advance(0);
  assert.equal(askMap().kind, 'found');
});
