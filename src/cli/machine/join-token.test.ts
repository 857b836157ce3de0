import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { CertificateAuthority } from '../../server/certificates/certificate-authority.ts';
import { authorityFingerprint, freshToken, parseJoinToken, pinnedAuthorities } from './join-token.ts';

const hash = 'ab'.repeat(32);
const bearer = 'abcdef.0123456789abcdef';

test('a token is understood in our form and in kubeadm’s, and nothing else is', () => {
  const wanted = { id: 'abcdef', bearer, fingerprint: hash };
  assert.deepEqual(parseJoinToken(`${bearer}.${hash}\n`), wanted);
  assert.deepEqual(parseJoinToken(bearer, `sha256:${hash.toUpperCase()}`), wanted);
  assert.deepEqual(parseJoinToken(`${bearer}.${hash}`, hash), wanted);
  const rows: readonly (readonly [string, string | undefined, RegExp])[] = [
    ['', undefined, /the token is not whole/],
    ['abcdef', undefined, /the token is not whole/],
    [`${bearer}.${hash}0`, undefined, /the token is not whole/],
    [bearer, undefined, /does not say which cluster it is for/],
    [bearer, 'sha1:00', /--ca-hash takes sha256: and 64 hexadecimal digits/],
    [`${bearer}.${hash}`, '00'.repeat(32), /two different certificate authorities/],
  ];
  for (const [text, caHash, pattern] of rows) assert.throws(() => parseJoinToken(text, caHash), pattern);
});

test('fresh tokens have the form that the API takes, and use all letters', () => {
  const { id, secret } = freshToken();
  assert.match(`${id}.${secret}`, /^[a-z0-9]{6}\.[a-z0-9]{16}$/);
  // What would make some letters likelier is thrown away.
  let calls = 0;
  const { id: even } = freshToken((bytes) => Buffer.alloc(bytes, calls++ === 0 ? 255 : 35));
  assert.equal(even, 'zzzzzz');
});

test('the fingerprint is of the key: a renewed certificate of the same authority has the same', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-ca-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new VirtualClock();
  const { certificate } = await CertificateAuthority.open({ folder, clock });
  assert.match(authorityFingerprint(certificate), /^[0-9a-f]{64}$/);
  const other = await CertificateAuthority.open({ folder: path.join(folder, 'other'), clock });
  assert.notEqual(authorityFingerprint(other.certificate), authorityFingerprint(certificate));
});

test('of several authorities that a server shows, only the one with the token’s key is trusted', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-ca-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new VirtualClock();
  const { certificate: right } = await CertificateAuthority.open({ folder, clock });
  const { certificate: wrong } = await CertificateAuthority.open({ folder: path.join(folder, 'other'), clock });
  const fingerprint = authorityFingerprint(right);
  for (const bundle of [
    right,
    right + wrong,
    wrong + right,
    `# ${wrong}${right}-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n`,
  ]) {
    assert.equal(pinnedAuthorities(bundle, fingerprint)?.trim(), right.trim());
  }
  assert.equal(pinnedAuthorities(wrong, fingerprint), undefined);
  assert.equal(pinnedAuthorities('', fingerprint), undefined);
});
