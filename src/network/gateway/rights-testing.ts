/** For tests of loops: clients with the rights that a loop's own account has, and no more. */
import assert from 'node:assert/strict';
import type { Client } from '../../client/client.ts';
import { inProcessClient } from '../../client/in-process-client.ts';
import type { TestApi } from '../../client/testing.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Authorizer } from '../../registry/request.ts';
import { storeAuthorization } from '../../server/authorization/store-authorization.ts';
import { serviceAccount } from '../../server/rbac/testing.ts';

export interface OwnRights {
  readonly clientFor: (account: string) => Client;
  /** @throws AssertionError where anything was refused meanwhile */
  close(): Promise<void>;
}

export async function ownRights({ store, registry, resources }: TestApi<Clock>): Promise<OwnRights> {
  const { authorizer: rules, services } = storeAuthorization(store);
  for (const service of services) await service.start();
  const refused = new Set<string>();
  const authorizer: Authorizer = {
    async decide(attributes) {
      const decision = await rules.decide(attributes);
      const { verb, group, resource, subresource, user } = attributes;
      if (!decision.allowed) refused.add(`${user.name}: ${verb} ${resource}.${group}/${subresource}`);
      return decision;
    },
  };
  return {
    clientFor: (account) =>
      inProcessClient({ handler: registry, authorizer, user: serviceAccount('kube-system', account), resources }),
    async close() {
      for (const service of services) await service.close();
      assert.deepEqual([...refused], []);
    },
  };
}
