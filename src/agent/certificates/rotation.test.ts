import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { certificateSigningRequests } from '../../client/resources.ts';
import { CertificateWorld, node } from '../../controllers/certificates/testing.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { CertificateRotation, rotationTimeMs } from './rotation.ts';

const selfNodeClient = 'system:node:n1 create certificatesigningrequests/selfnodeclient';

/** Certificates here live ten hours, so that virtual time has not far to go. */
const lifetimeMs = 10 * 60 * 60 * 1000;

async function start(context: TestContext) {
  const folder = await mkdtemp(path.join(tmpdir(), 'naru-rotation-'));
  const world = await CertificateWorld.start(path.join(folder, 'pki'));
  const issue = async () =>
    (await world.authority.issueClient({ user: node.name, groups: ['system:nodes'], lifetimeMs })).certificate;
  const received: string[] = [];
  let current = await issue();
  const rotation = new CertificateRotation({
    client: world.client(node),
    node: 'n1',
    current: () => current,
    keep: async ({ certificate }) => {
      current = await issue();
      received.push(certificate);
    },
    clock: world.clock,
    prng: new SeededPrng(7),
    log: silentLogger,
  });
  await rotation.start();
  context.after(async () => {
    await rotation.close();
    await world.close();
    await rm(folder, { recursive: true });
  });
  /** The rotation looks at its request now and then. */
  const renewed = (count: number) =>
    world.settle(async () => {
      await world.clock.advance(250);
      return received.length === count;
    });
  // The same chances as the rotation's own.
  return { world, received, current: () => current, moments: new SeededPrng(7), renewed };
}

test('a certificate is renewed when 70 to 90 % of its life are over, again and again', async (context) => {
  const { world, received, current, moments, renewed } = await start(context);
  world.may.add(selfNodeClient);
  for (const count of [1, 2]) {
    const moment = rotationTimeMs(current(), moments.next());
    await world.clock.advance(Math.floor(moment) - 1000 - world.clock.now());
    assert.equal(received.length, count - 1);
    await world.clock.advance(2000);
    await renewed(count);
    const fresh = new X509Certificate(received.at(-1) ?? '');
    assert.deepEqual(fresh.subject.split('\n'), ['O=system:nodes', 'CN=system:node:n1']);
  }
});

test('what is denied is asked for again, and the old certificate stays meanwhile', async (context) => {
  const { world, received, current, moments, renewed } = await start(context);
  const asked = async () => (await world.client(node).list(certificateSigningRequests)).items;
  await world.clock.advance(Math.ceil(rotationTimeMs(current(), moments.next())) - world.clock.now());
  await world.settle(async () => (await asked()).length === 1);
  const [first] = await asked();
  assert.deepEqual(first?.spec.usages, ['digital signature', 'client auth']);
  await world.decide({ namespace: '', name: first?.metadata?.name ?? '' }, 'Denied');
  world.may.add(selfNodeClient);
  assert.equal(received.length, 0);
  await renewed(1);
  const [second] = (await asked()).filter(({ metadata }) => metadata?.name !== first?.metadata?.name);
  assert.ok(second?.status?.certificate);
});

test('the moment is within its bounds, and each agent has its own', async (context) => {
  const { current } = await start(context);
  const { validFromDate, validToDate } = new X509Certificate(current());
  const lifeMs = validToDate.getTime() - validFromDate.getTime();
  const shares = [0, 0.5, 1].map((chance) => (rotationTimeMs(current(), chance) - validFromDate.getTime()) / lifeMs);
  assert.deepEqual(
    shares.map((share) => Math.round(share * 1000)),
    [700, 800, 900],
  );
});
