/** For tests of what asks for certificates: an API with the loops about them, under a virtual clock. Only tests import this file. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { makeCertificateRequest, type RequestOptions } from '../../api/certificates/make-request.ts';
import type { ObjectReference } from '../../api/object.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import type { CertificateSigningRequest } from '../../api/schema/types/certificates-v1.ts';
import { inProcessClient } from '../../client/in-process-client.ts';
import { InformerSet } from '../../client/informer.ts';
import { certificateSigningRequests } from '../../client/resources.ts';
import { administrator, everythingAllowed } from '../../client/testing.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { Registry } from '../../registry/registry.ts';
import type { UserInfo } from '../../registry/request.ts';
import { accessReviews } from '../../server/authorization/access-reviews.ts';
import type { Decider } from '../../server/authorization/authorization.ts';
import { CertificateAuthority } from '../../server/certificates/certificate-authority.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { certificateControllers } from './index.ts';

export const node: UserInfo = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };

export interface Spec {
  readonly signerName: string;
  readonly usages: readonly string[];
  readonly expirationSeconds?: number;
}

/** `may` answers the approver's questions: `user verb resource/subresource`. */
export class CertificateWorld {
  readonly clock: VirtualClock;
  readonly may = new Set<string>();
  readonly authority: CertificateAuthority;
  readonly #store: MemoryStore;
  readonly #registry: Registry;
  readonly #services: { start(): Promise<void>; close(): Promise<void> }[];

  private constructor(authority: CertificateAuthority, clock: VirtualClock) {
    this.clock = clock;
    this.authority = authority;
    this.#store = new MemoryStore({ clock, log: silentLogger });
    const prng = new SeededPrng(1);
    const schema = builtinSchema();
    const resources = resourceTable();
    const asked: Decider = {
      rulesFor: () => ({ rules: [] }),
      decide: ({ user, verb, resource, subresource }) => ({
        allowed: this.may.has(`${user.name} ${verb} ${resource}/${subresource}`),
        reason: '',
      }),
    };
    const common = { clock, prng, log: silentLogger };
    const virtualResources = new Map(accessReviews({ authorizer: asked, schema }));
    this.#registry = new Registry({ ...common, store: this.#store, schema, resources, virtualResources });
    const client = this.client(administrator);
    const informers = new InformerSet({ ...common, client });
    const context = { ...common, client, informers, resources, rootCa: authority.certificate, signer: authority };
    this.#services = [informers, ...certificateControllers(context)];
  }

  static async start(folder: string): Promise<CertificateWorld> {
    const clock = new VirtualClock();
    const world = new CertificateWorld(await CertificateAuthority.open({ folder, clock }), clock);
    await world.#store.start();
    for (const service of world.#services) await service.start();
    await world.settle();
    return world;
  }

  client(user: UserInfo) {
    return inProcessClient({
      handler: this.#registry,
      authorizer: everythingAllowed,
      user,
      resources: resourceTable(),
    });
  }

  /** Signing takes turns of the real event loop, which virtual time does not wait for. */
  async settle(isDone: () => Promise<boolean> = async () => true): Promise<void> {
    for (let turn = 0; turn < 2000; turn++) {
      await this.clock.advance(0);
      if (await isDone()) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.fail('nothing came');
  }

  async ask(options: RequestOptions, spec: Spec, by: UserInfo = node): Promise<ObjectReference> {
    const { request } = await makeCertificateRequest(options);
    const object = {
      metadata: { generateName: 'csr-' },
      spec: { ...spec, request: Buffer.from(request).toString('base64') },
    };
    const made = await this.client(by).create(certificateSigningRequests, object as CertificateSigningRequest);
    await this.clock.advance(0);
    return { namespace: '', name: made.metadata?.name ?? '' };
  }

  get(reference: ObjectReference) {
    return this.client(administrator).get(certificateSigningRequests, reference);
  }

  async decide(reference: ObjectReference, type: string): Promise<void> {
    const body = { status: { conditions: [{ type, status: 'True' }] } };
    const patch = { type: 'merge', body } as const;
    await this.client(administrator).patch(certificateSigningRequests, reference, patch, { subresource: 'approval' });
    await this.clock.advance(0);
  }

  async issued(reference: ObjectReference): Promise<X509Certificate> {
    let certificate = '';
    await this.settle(async () => {
      certificate = (await this.get(reference)).status?.certificate ?? '';
      return certificate !== '';
    });
    return new X509Certificate(Buffer.from(certificate, 'base64'));
  }

  async names(): Promise<string[]> {
    const { items } = await this.client(administrator).list(certificateSigningRequests);
    return items.map(({ metadata }) => metadata?.name ?? '');
  }

  async close(): Promise<void> {
    for (const service of this.#services.toReversed()) await service.close();
    await this.#store.close();
  }
}
