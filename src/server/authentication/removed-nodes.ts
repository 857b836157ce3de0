/**
 * Certificates of nodes that were taken out of the cluster: nothing can take a certificate back, so who asks is looked up among the nodes that were
 * removed (a ConfigMap that `naru node remove` writes). What a machine gets when it joins again is newer than its removal, and good.
 */
import type { ConfigMap } from '../../api/schema/types/core-v1.ts';
import { removedNodesPlace } from '../../registry/node-identity.ts';
import type { Store } from '../../store/store.ts';
import { type Authentication, type Authenticator, type Credentials, refused } from './authentication.ts';

/** Certificates say that they are good from so long before they were made: clocks differ (`certificates/issue.ts`, `sign-request.ts`). */
const backdatedMs = 5 * 60 * 1000;
const prefix = 'system:node:';

export class RemovedNodes implements Authenticator {
  readonly #inner: Authenticator;
  readonly #store: Pick<Store, 'get'>;

  constructor(inner: Authenticator, store: Pick<Store, 'get'>) {
    this.#inner = inner;
    this.#store = store;
  }

  authenticate(credentials: Credentials): Authentication | Promise<Authentication> {
    return this.#isRemoved(credentials)
      ? refused('certificate is of a node that was removed from the cluster')
      : this.#inner.authenticate(credentials);
  }

  #isRemoved({ certificate }: Credentials): boolean {
    if (!certificate?.commonName.startsWith(prefix)) return false;
    const entry = this.#store.get({ collection: 'configmaps', ...removedNodesPlace });
    const removed = entry && (entry.object as ConfigMap).data?.[certificate.commonName.slice(prefix.length)];
    if (removed === undefined) return false;
    // What nobody can read refuses nobody: a slip there must not cut all nodes off.
    const removedMs = Date.parse(removed);
    return (certificate.notBeforeMs ?? Number.NEGATIVE_INFINITY) + backdatedMs < removedMs;
  }
}
