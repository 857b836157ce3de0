import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { test } from 'node:test';
import type { StoreKey } from '../store.ts';
import { CannotOpen, formIn, Sealer, type SealingKey, type SealingProvider } from './sealing.ts';

const secret = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const gcm = (name: string, fill = 1): SealingKey => ({ kind: 'aesgcm', name, secret: secret(fill) });
const identity: SealingProvider = { kind: 'identity' };
const sealer = (...providers: SealingProvider[]): Sealer => new Sealer([{ resources: ['secrets'], providers }]);

const place: StoreKey = { collection: 'secrets', namespace: 'team', name: 'db' };
const value = Buffer.from('{"data":{"password":"aHVudGVyMg=="}}');

const cannotOpen = (reason: string, message: string) => (error: unknown) => {
  assert.ok(error instanceof CannotOpen);
  assert.deepEqual([error.reason, error.message], [reason, message]);
  return true;
};

test('a sealed value has the form of upstream, byte by byte, and opens again', () => {
  const sealed = Buffer.from(sealer(gcm('one')).seal(place, value));
  const prefix = 'k8s:enc:aesgcm:v1:one:';
  assert.equal(sealed.subarray(0, prefix.length).toString(), prefix);
  const body = sealed.subarray(prefix.length);
  assert.equal(body.length, 12 + value.length + 16);
  const decipher = createDecipheriv('aes-256-gcm', secret(1), body.subarray(0, 12));
  decipher.setAAD(Buffer.from('/registry/secrets/team/db'));
  decipher.setAuthTag(body.subarray(-16));
  assert.deepEqual(Buffer.concat([decipher.update(body.subarray(12, -16)), decipher.final()]), value);
  assert.deepEqual(sealer(gcm('one')).open(place, sealed), value);
});

test('the same value is never sealed to the same bytes', () => {
  const one = sealer(gcm('one'));
  const seen = new Set(Array.from({ length: 100 }, () => Buffer.from(one.seal(place, value)).toString('hex')));
  assert.equal(seen.size, 100);
});

test('each flipped byte behind the prefix is noticed, and so is a value at another place', () => {
  const one = sealer(gcm('one'));
  const sealed = one.seal(place, value);
  for (let at = 'k8s:enc:aesgcm:v1:one:'.length; at < sealed.length; at++) {
    const bad = Uint8Array.from(sealed);
    bad[at] = (bad[at] as number) ^ 1;
    assert.throws(() => one.open(place, bad), cannotOpen('value', 'cipher: message authentication failed'));
  }
  const moved = { ...place, name: 'other' };
  assert.throws(() => one.open(moved, sealed), cannotOpen('value', 'cipher: message authentication failed'));
  const short = sealed.subarray(0, 'k8s:enc:aesgcm:v1:one:'.length + 4);
  assert.throws(
    () => one.open(place, short),
    cannotOpen('value', 'the stored data was shorter than the required size'),
  );
});

test('the first key seals, the others open what is theirs; a key that is not listed is named as missing', () => {
  const old = sealer(gcm('one')).seal(place, value);
  const both = sealer(gcm('two', 2), gcm('one'), identity);
  assert.deepEqual(both.open(place, old), value);
  assert.deepEqual(both.open(place, value), value);
  assert.equal(formIn(both.seal(place, value)), 'aesgcm:two');
  const without = sealer(gcm('two', 2), identity);
  assert.throws(
    () => without.open(place, old),
    cannotOpen('key', 'no matching key was found for the provided AES transformer'),
  );
  assert.throws(() => sealer(identity).open(place, old), cannotOpen('key', 'no matching prefix found'));
  assert.throws(() => sealer(gcm('one')).open(place, value), cannotOpen('key', 'no matching prefix found'));
});

test('what aescbc sealed elsewhere can be read', () => {
  const key: SealingKey = { kind: 'aescbc', name: 'old', secret: secret(1) };
  assert.deepEqual(sealer(gcm('new'), key).open(place, cbcSealed(key, Buffer.from('{"a":1}'))), Buffer.from('{"a":1}'));
  const wrong = { ...key, secret: secret(2) };
  assert.throws(
    () => sealer(gcm('new'), wrong).open(place, cbcSealed(key, value)),
    cannotOpen('value', 'invalid padding on input'),
  );
});

function cbcSealed(key: SealingKey, plain: Buffer): Buffer {
  const iv = Buffer.alloc(16, 7);
  const cipher = createCipheriv('aes-256-cbc', key.secret, iv);
  return Buffer.concat([Buffer.from(`k8s:enc:aescbc:v1:${key.name}:`), iv, cipher.update(plain), cipher.final()]);
}

test('the most exact rule holds, and other collections stay as they are', () => {
  const rules = new Sealer([
    { resources: ['configmaps', 'secrets.'], providers: [identity] },
    { resources: ['*.apps'], providers: [gcm('apps')] },
    { resources: ['*.'], providers: [gcm('core')] },
  ]);
  const forms = ['configmaps', 'secrets', 'deployments.apps', 'pods', 'jobs.batch'].map((name) => rules.formFor(name));
  assert.deepEqual(forms, ['identity', 'identity', 'aesgcm:apps', 'aesgcm:core', 'identity']);
  const pod = { collection: 'jobs.batch', namespace: 'a', name: 'b' };
  assert.equal(rules.seal(pod, value), value);
  assert.equal(rules.open(pod, value), value);
});
