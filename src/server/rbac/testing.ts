/** For tests of RBAC: a registry that guards grants, an index over its store, and everybody who asks by name. Only tests import this file. */
import assert from 'node:assert/strict';
import type { JsonObject, KubeObject } from '../../api/object.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { bootstrap } from '../../registry/bootstrap.ts';
import { Registry } from '../../registry/registry.ts';
import type { AuthorizationAttributes, RequestTarget, UserInfo } from '../../registry/request.ts';
import { resourceNamed } from '../../registry/testing.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { AuthorizerChain, masters } from '../authorization/authorization.ts';
import { EscalationGuard } from './escalation-guard.ts';
import { indexedDefaults } from './policy-bootstrap.ts';
import { RbacAuthorizer } from './rbac-authorizer.ts';
import { RbacIndex } from './rbac-index.ts';

export const admin: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

export const user = (name: string, ...groups: string[]): UserInfo => ({
  name,
  groups: [...groups, 'system:authenticated'],
});

export const serviceAccount = (namespace: string, name: string): UserInfo => ({
  name: `system:serviceaccount:${namespace}:${name}`,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
});

/** `get pods/log.apps`, `get /version`: verb, resource with subresource and group, or path. */
export function question(who: UserInfo, text: string, namespace = '', name = ''): AuthorizationAttributes {
  const [verb = '', what = ''] = text.split(' ');
  const none = { user: who, verb, group: '', version: '', resource: '', subresource: '', namespace, name, path: '' };
  if (what.startsWith('/')) return { ...none, path: what };
  const [combined = '', ...group] = what.split('.');
  const [resource = '', subresource = ''] = combined.split('/');
  return { ...none, group: group.join('.'), version: 'v1', resource, subresource };
}

export class RbacWorld {
  readonly clock = new VirtualClock();
  readonly store = new MemoryStore({ clock: this.clock, log: silentLogger });
  readonly index: RbacIndex;
  readonly rbac: RbacAuthorizer;
  readonly authorizer: AuthorizerChain;
  readonly registry: Registry;

  constructor({ defaults = false } = {}) {
    const { store, clock } = this;
    this.index = new RbacIndex(store, defaults ? indexedDefaults() : []);
    this.rbac = new RbacAuthorizer(this.index);
    this.authorizer = new AuthorizerChain([masters, this.rbac]);
    const grants = new EscalationGuard({ authorizer: this.authorizer, rbac: this.rbac, index: this.index });
    const resources = resourceTable();
    const log = silentLogger;
    const prng = new SeededPrng(1);
    this.registry = new Registry({ store, clock, prng, schema: builtinSchema(), resources, log, grants });
  }

  async start(): Promise<this> {
    await this.store.start();
    await bootstrap(this.registry);
    await this.index.start();
    return this;
  }

  async close(): Promise<void> {
    await this.index.close();
    await this.store.close();
  }

  /** yes or no, with the namespace where it is asked. */
  may(who: UserInfo, text: string, namespace = '', name = ''): boolean {
    const decision = this.authorizer.decide(question(who, text, namespace, name));
    assert.ok(!(decision instanceof Promise), 'roles are looked at without waiting');
    return decision.allowed;
  }

  target(resource: string, namespace = '', name = '', who = admin): RequestTarget {
    const info = resourceNamed(`${resource}.rbac.authorization.k8s.io`);
    return { user: who, resource: info, namespace, name, subresource: '' };
  }

  async create(resource: string, body: object, who = admin): Promise<KubeObject> {
    const { namespace = '' } = (body as KubeObject).metadata ?? {};
    return (await this.registry.create(this.target(resource, namespace, '', who), body as JsonObject, {})).object;
  }

  async update(resource: string, body: object, who = admin): Promise<KubeObject> {
    const { namespace = '', name = '' } = (body as KubeObject).metadata ?? {};
    assert.notEqual(name, '');
    return (await this.registry.update(this.target(resource, namespace, name, who), body as JsonObject, {})).object;
  }

  async find(resource: string, name: string, namespace = ''): Promise<KubeObject | undefined> {
    return this.store.get({ collection: `${resource}.rbac.authorization.k8s.io`, namespace, name })?.object;
  }

  delete(resource: string, name: string, namespace = ''): Promise<unknown> {
    return this.registry.delete(this.target(resource, namespace, name), {});
  }
}

const group = 'rbac.authorization.k8s.io';

/** Of a binding. `subjects`: `User:ann`, `Group:devs`, `namespace/account`. */
export function binding(name: string, role: string, subjects: readonly string[], namespace?: string): object {
  const [kind = '', roleName = ''] = role.split('/');
  return {
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    roleRef: { apiGroup: group, kind, name: roleName },
    subjects: subjects.map((text) => {
      const colon = text.indexOf(':');
      if (colon >= 0) return { kind: text.slice(0, colon), apiGroup: group, name: text.slice(colon + 1) };
      const [home, account] = text.split('/');
      return { kind: 'ServiceAccount', namespace: home, name: account };
    }),
  };
}
