/**
 * What a question of permission costs with 1,000 roles and bindings beside the one that counts. Baseline: one look-up in a Map.
 */
import { RealClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import type { AuthorizationAttributes } from '../src/registry/request.ts';
import { AuthorizerChain, masters, RuleAuthorizer } from '../src/server/authorization/authorization.ts';
import { componentRules } from '../src/server/authorization/builtin-rules.ts';
import { indexedDefaults } from '../src/server/rbac/policy-bootstrap.ts';
import { RbacAuthorizer } from '../src/server/rbac/rbac-authorizer.ts';
import { RbacIndex } from '../src/server/rbac/rbac-index.ts';
import { MemoryStore } from '../src/store/memory-store.ts';
import type { Benchmark, Figure } from './figure.ts';

const clock = new RealClock();
const group = 'rbac.authorization.k8s.io';

const benchmark: Benchmark = {
  name: 'authorization',
  async run({ small }) {
    const count = 1_000;
    const rounds = small ? 20_000 : 500_000;
    const store = await filledStore(count);
    const index = new RbacIndex(store, indexedDefaults());
    await index.start();
    const chain = new AuthorizerChain([masters, new RuleAuthorizer(componentRules), new RbacAuthorizer(index)]);
    const baseline = mapMicroseconds(rounds);
    const measured: [string, AuthorizationAttributes][] = [
      ['allowed by a Role, 1,000 roles and bindings', asked('user-500', 'get', 'team-0')],
      ['allowed by the ClusterRole admin', asked('owner', 'list', 'team-0')],
      ['refused', asked('user-500', 'delete', 'team-0')],
    ];
    const figures = measured.map(([name, attributes]) =>
      figure(name, microseconds(chain, attributes, rounds), baseline),
    );
    await index.close();
    await store.close();
    return figures;
  },
};

export default benchmark;

async function filledStore(count: number): Promise<MemoryStore> {
  const store = new MemoryStore({ clock, log: silentLogger });
  await store.start();
  const put = (resource: string, namespace: string, name: string, content: object): Promise<unknown> => {
    const key = { collection: `${resource}.${group}`, namespace, name };
    return store.write({
      kind: 'put',
      key,
      object: { metadata: { namespace, name }, ...content },
      expectedRevision: 0,
    });
  };
  const rules = [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', 'configmaps'] }];
  const bound = (user: string, kind: string, name: string): object => ({
    subjects: [{ kind: 'User', apiGroup: group, name: user }],
    roleRef: { apiGroup: group, kind, name },
  });
  for (let i = 0; i < count; i++) {
    await put('roles', `team-${i % 20}`, `role-${i}`, { rules });
    await put('rolebindings', `team-${i % 20}`, `role-${i}`, bound(`user-${i}`, 'Role', `role-${i}`));
  }
  await put('rolebindings', 'team-0', 'owner', bound('owner', 'ClusterRole', 'admin'));
  return store;
}

function asked(user: string, verb: string, namespace: string): AuthorizationAttributes {
  const what = { group: '', version: 'v1', resource: 'pods', subresource: '', namespace, name: 'web', path: '' };
  return { user: { name: user, groups: ['devs', 'system:authenticated'] }, verb, ...what };
}

function microseconds(chain: AuthorizerChain, attributes: AuthorizationAttributes, rounds: number): number {
  for (let i = 0; i < 1_000; i++) void chain.decide(attributes);
  const start = clock.monotonic();
  for (let i = 0; i < rounds; i++) void chain.decide(attributes);
  return ((clock.monotonic() - start) * 1_000) / rounds;
}

function mapMicroseconds(rounds: number): number {
  const map = new Map(Array.from({ length: 1_000 }, (_, i) => [`User:user-${i}`, i] as const));
  const start = clock.monotonic();
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum += map.get(`User:user-${i % 1_000}`) ?? 0;
  return sum < 0 ? 0 : ((clock.monotonic() - start) * 1_000) / rounds;
}

function figure(name: string, us: number, baseline: number): Figure {
  const rounded = (value: number): number => Number(value.toFixed(3));
  return {
    bench: 'authorization',
    figure: name,
    value: rounded(us),
    unit: 'µs',
    baseline: rounded(baseline),
    ratio: Number((us / baseline).toFixed(2)),
  };
}
