import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { PullRecordFiles } from './pull-records.ts';
import { type KnownSecret, mustVerify, type VerificationPolicy } from './pull-verification.ts';

const image = 'registry.example/private:1';
const id = `sha256:${'a'.repeat(64)}`;
const preloaded: VerificationPolicy = {
  imagePullCredentialsVerificationPolicy: 'NeverVerifyPreloadedImages',
  preloadedImagesVerificationAllowlist: [],
};

const secret = (changes: Partial<KnownSecret> = {}): KnownSecret => ({
  uid: 'u-1',
  namespace: 'team',
  name: 'door',
  credentialHash: 'h-1',
  ...changes,
});

async function fixture(context: TestContext, policy = preloaded) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'naru-records-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const present: { id: string; tags: string[]; digests: string[] }[] = [];
  const clock = new VirtualClock();
  /** As after a restart of the agent. */
  const open = () => new PullRecordFiles({ folder, policy, images: async () => present, clock, log: silentLogger });
  const mayUse = (records: PullRecordFiles, ...secrets: KnownSecret[]) =>
    records.mayUse(image, id, async () => secrets);
  return { folder, present, clock, open, mayUse };
}

test('an image that was pulled with a secret is only for pods with that secret, also after a restart', async (context) => {
  const { open, mayUse } = await fixture(context);
  const records = open();
  await records.begin(image);
  await records.pulled(image, id, secret());
  for (const each of [records, open()]) {
    assert.equal(await mayUse(each, secret()), true, 'the same');
    assert.equal(await mayUse(each), false, 'none');
    assert.equal(
      await mayUse(each, secret({ uid: 'u-2', namespace: 'other', credentialHash: 'h-2' })),
      false,
      'another',
    );
    assert.equal(
      await each.mayUse('registry.example/other:1', id, async () => [secret()]),
      false,
      'another repository',
    );
  }
});

test('the same credentials in another secret are as good, and so is a secret that was rotated; both are remembered', async (context) => {
  const { open, mayUse } = await fixture(context);
  const records = open();
  await records.pulled(image, id, secret());
  const twin = secret({ uid: 'u-2', namespace: 'other' });
  assert.equal(await mayUse(records, twin), true);
  assert.equal(await mayUse(records, { ...twin, credentialHash: 'h-3' }), true, 'the twin, rotated');
  assert.equal(await mayUse(open(), secret({ uid: 'u-9', credentialHash: 'h-3' })), true, 'equal to the rotated twin');
  assert.equal(await mayUse(open(), secret({ uid: 'u-7', credentialHash: 'h-4' })), false);
});

test('what came without a pod’s secret is for every pod, and secrets are not even asked for', async (context) => {
  const { open } = await fixture(context);
  const records = open();
  await records.pulled(image, id, secret());
  await records.pulled(image, id, undefined);
  const never = () => Promise.reject(new Error('asked'));
  assert.equal(await records.mayUse(image, id, never), true);
  assert.equal(await records.mayUse('somebody/brought:1', 'sha256:b', never), true);
});

test('a pull that a killed agent left counts as the agent’s: the image must be pulled again', async (context) => {
  const { open, mayUse, present, folder } = await fixture(context);
  await open().begin(image);
  assert.equal(await mayUse(open(), secret()), false, 'while the image is not listed');
  present.push({ id, tags: [image], digests: [] });
  const next = open();
  assert.equal(await mayUse(next, secret()), false);
  assert.deepEqual(await readdir(path.join(folder, 'pulling')), []);
  await next.begin(image);
  await next.pulled(image, id, secret());
  assert.equal(await mayUse(open(), secret()), true);
});

test('while it is being pulled for one, nobody else gets it; a pull that failed leaves no trace', async (context) => {
  const { open, mayUse, folder } = await fixture(context);
  const records = open();
  await records.begin(image);
  await records.begin(image);
  await records.failed(image);
  assert.equal(await mayUse(records), false);
  await records.failed(image);
  assert.equal(await mayUse(records), true, 'nobody pulled it: it was here');
  assert.deepEqual(await readdir(path.join(folder, 'pulling')), []);
});

test('the files hold hashes alone, for their owner alone; a broken one closes its image', async (context) => {
  const { open, mayUse, folder } = await fixture(context);
  await open().pulled(image, id, secret());
  const [name = ''] = await readdir(path.join(folder, 'pulled'));
  const file = path.join(folder, 'pulled', name);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal((await stat(path.join(folder, 'pulled'))).mode & 0o777, 0o700);
  const content = JSON.parse(await readFile(file, 'utf8')) as object;
  assert.deepEqual(content, {
    kind: 'ImagePulledRecord',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    lastUpdatedTime: '2026-01-01T00:00:00Z',
    imageRef: id,
    credentialMapping: { 'registry.example/private': { kubernetesSecrets: [{ ...secret() }] } },
  });
  await writeFile(file, '{');
  assert.equal(await mayUse(open(), secret()), false);
});

test('images that are gone are forgotten, but not those pulled since the look began', async (context) => {
  const { open, clock, folder } = await fixture(context);
  const records = open();
  await records.pulled(image, id, secret());
  await clock.advance(1000);
  const sinceMs = clock.now();
  await records.pulled('other/new:1', 'sha256:new', secret());
  await records.prune(new Set(), sinceMs);
  assert.equal((await readdir(path.join(folder, 'pulled'))).length, 1);
  assert.equal(await records.mayUse('other/new:1', 'sha256:new', async () => []), false);
  assert.equal(await records.mayUse(image, id, async () => []), true);
});

test('the policy says which images are verified', () => {
  const rows: readonly (readonly [
    VerificationPolicy['imagePullCredentialsVerificationPolicy'],
    string,
    boolean,
    boolean,
  ])[] = [
    ['NeverVerify', 'a/b', true, false],
    ['AlwaysVerify', 'a/b', false, true],
    ['NeverVerifyPreloadedImages', 'a/b', false, false],
    ['NeverVerifyPreloadedImages', 'a/b', true, true],
    ['NeverVerifyAllowlistedImages', 'registry.example/base/node:20', true, false],
    ['NeverVerifyAllowlistedImages', 'registry.example/base', false, true],
    ['NeverVerifyAllowlistedImages', 'registry.example/baseline', false, true],
    ['NeverVerifyAllowlistedImages', 'docker.io/library/nginx@sha256:' + '0'.repeat(64), true, false],
    ['NeverVerifyAllowlistedImages', 'nginx:1', true, false],
    ['NeverVerifyAllowlistedImages', 'redis', true, true],
  ];
  const preloadedImagesVerificationAllowlist = ['registry.example/base/*', 'nginx'];
  for (const [policy, name, pulledByAgent, verified] of rows) {
    const whole = { imagePullCredentialsVerificationPolicy: policy, preloadedImagesVerificationAllowlist };
    assert.equal(mustVerify(whole, name, pulledByAgent), verified, `${policy} ${name} ${pulledByAgent}`);
  }
});
