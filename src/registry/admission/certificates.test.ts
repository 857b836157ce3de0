import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeCertificateRequest } from '../../api/certificates/make-request.ts';
import type { JsonObject } from '../../api/object.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { Registry } from '../registry.ts';
import type { Authorizer, RequestTarget } from '../request.ts';
import { authorityPem, rejection, requestPem, resourceNamed } from '../testing.ts';
import { admissionPlugins } from './plugins.ts';

const requests = 'certificatesigningrequests.certificates.k8s.io';
const bundles = 'clustertrustbundles.certificates.k8s.io';

/** Who may do what for which signer: `user verb name`. */
class World {
  readonly may = new Set<string>();
  readonly #registry: Registry;

  constructor() {
    const clock = new VirtualClock();
    const store = new MemoryStore({ clock, log: silentLogger });
    const prng = new SeededPrng(1);
    const authorizer: Authorizer = {
      decide: ({ user, verb, group, resource, name }) => ({
        allowed:
          this.may.has(`${user.name} ${verb} ${name}`) && `${resource}.${group}` === 'signers.certificates.k8s.io',
        reason: '',
      }),
    };
    const common = { store, clock, prng, log: silentLogger };
    const admission = admissionPlugins({ ...common, authorizer });
    this.#registry = new Registry({ ...common, schema: builtinSchema(), resources: resourceTable(), admission });
    this.ready = store.start();
  }

  readonly ready: Promise<void>;

  create(resource: string, body: object, user = 'ann') {
    return this.#registry.create(target(resource, user, '', ''), body as JsonObject, {});
  }

  patch(resource: string, name: string, subresource: string, body: object, user = 'ann') {
    const at = target(resource, user, name, subresource);
    return this.#registry.patch(at, 'application/merge-patch+json', body as JsonObject, {});
  }
}

function target(resource: string, user: string, name: string, subresource: string): RequestTarget {
  return { user: { name: user, groups: [] }, resource: resourceNamed(resource), namespace: '', name, subresource };
}

async function withRequest(): Promise<World> {
  const world = new World();
  await world.ready;
  const spec = { request: requestPem, signerName: 'a.b/c', usages: ['client auth'] };
  await world.create(requests, { metadata: { name: 'csr' }, spec });
  return world;
}

const condition = (type: string) => ({ status: { conditions: [{ type, status: 'True' }] } });

describe('acting for a signer', () => {
  for (const grant of ['ann approve a.b/c', 'ann approve a.b/*']) {
    test(`to approve takes the permission for the signer: ${grant}`, async () => {
      const world = await withRequest();
      const refused = await rejection(world.patch(requests, 'csr', 'approval', condition('Approved')), 'Forbidden');
      assert.equal(
        refused.message,
        'certificatesigningrequests.certificates.k8s.io "csr" is forbidden: user not permitted to approve requests with signerName "a.b/c"',
      );
      world.may.add(grant.replace('ann', 'eve'));
      world.may.add(grant.replace('approve', 'sign'));
      await rejection(world.patch(requests, 'csr', 'approval', condition('Denied')), 'Forbidden');
      world.may.add(grant);
      await world.patch(requests, 'csr', 'approval', condition('Approved'));
    });
  }

  test('to sign, or to say why not, takes another; what changes neither takes none', async () => {
    const world = await withRequest();
    await world.patch(requests, 'csr', 'status', { metadata: { labels: { a: 'b' } } });
    const certificate = Buffer.from(authorityPem).toString('base64');
    for (const body of [{ status: { certificate } }, condition('Failed')]) {
      const refused = await rejection(world.patch(requests, 'csr', 'status', body), 'Forbidden');
      assert.match(refused.message, /: user not permitted to sign requests with signerName "a\.b\/c"$/);
    }
    world.may.add('ann sign a.b/*');
    await world.patch(requests, 'csr', 'status', { status: { certificate } });
  });

  test('to attest takes a third, where the bundle names a signer', async () => {
    const world = await withRequest();
    const spec = { trustBundle: authorityPem };
    await world.create(bundles, { metadata: { name: 'mine' }, spec });
    const signed = { metadata: { name: 'a.b:c:d' }, spec: { ...spec, signerName: 'a.b/c' } };
    assert.equal(
      (await rejection(world.create(bundles, signed), 'Forbidden')).message,
      'clustertrustbundles.certificates.k8s.io "a.b:c:d" is forbidden: user not permitted to attest for signerName "a.b/c"',
    );
    world.may.add('ann attest a.b/c');
    await world.create(bundles, signed);
    await world.patch(bundles, 'a.b:c:d', '', { metadata: { finalizers: ['x.y/z'] } }, 'collector');
    const labels = world.patch(bundles, 'a.b:c:d', '', { metadata: { labels: { a: 'b' } } }, 'collector');
    await rejection(labels, 'Forbidden');
  });
});

test('nobody asks the signer of clients for system:masters', async () => {
  const world = await withRequest();
  const ask = async (signerName: string, ...organizations: string[]) => {
    const { request } = await makeCertificateRequest({ commonName: 'ann', organizations });
    const spec = { request: Buffer.from(request).toString('base64'), signerName, usages: ['client auth'] };
    return world.create(requests, { metadata: { generateName: 'x-' }, spec });
  };
  const refused = await rejection(ask('kubernetes.io/kube-apiserver-client', 'a', 'system:masters'), 'Forbidden');
  assert.match(
    refused.message,
    /: use of kubernetes\.io\/kube-apiserver-client signer with system:masters group is not allowed$/,
  );
  await ask('kubernetes.io/kube-apiserver-client', 'a');
  await ask('a.b/c', 'system:masters');
});
