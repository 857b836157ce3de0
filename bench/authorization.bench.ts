/**
 * What it costs a request that somebody is asked who sends it and whether they may: authentication by client certificate and the whole
 * chain of authorizers, with 1,000 roles and bindings beside the one that counts. Baseline: the same with the default policy alone.
 */
import { RealClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import { MetricRegistry } from '../src/lib/metrics.ts';
import type { AuthorizationAttributes } from '../src/registry/request.ts';
import { type Authenticator, authenticate } from '../src/server/authentication/authentication.ts';
import { defaultAuthenticators } from '../src/server/authentication/authenticators.ts';
import type { Decider } from '../src/server/authorization/authorization.ts';
import { AuthorizationMetrics } from '../src/server/authorization/authorization-metrics.ts';
import { defaultAuthorizer } from '../src/server/authorization/configured-authorizer.ts';
import { asksForAnother } from '../src/server/authorization/impersonation.ts';
import { storeAuthorization } from '../src/server/authorization/store-authorization.ts';
import { MemoryStore } from '../src/store/memory-store.ts';
import type { Benchmark, Figure } from './figure.ts';

const clock = new RealClock();
const group = 'rbac.authorization.k8s.io';

const questions: readonly (readonly [figure: string, user: string, verb: string])[] = [
  ['a GET allowed by a Role, 1,000 roles and bindings', 'user-500', 'get'],
  ['a GET allowed by the ClusterRole admin', 'owner', 'get'],
  ['a GET that is refused', 'stranger', 'get'],
];

const benchmark: Benchmark = {
  name: 'authorization',
  async run({ small }) {
    const rounds = small ? 20_000 : 500_000;
    const [many, few] = [await filledStore(1_000), await filledStore(0)];
    const authenticators = defaultAuthenticators(clock, undefined);
    const figures: Figure[] = [];
    for (const [name, user, verb] of questions) {
      const one = { authenticators, user, verb, rounds };
      // The one without many roles has the same answer, from the same kind of binding.
      const baseline = await microseconds({ ...one, authorizer: few.authorizer });
      figures.push(figure(name, await microseconds({ ...one, authorizer: many.authorizer }), baseline));
    }
    for (const { close } of [many, few]) await close();
    return figures;
  },
};

export default benchmark;

interface Filled {
  readonly authorizer: Decider;
  close(): Promise<void>;
}

/** With `count` roles and bindings, one for each of so many users, beside those that are asked about. */
async function filledStore(count: number): Promise<Filled> {
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
  if (count === 0) {
    await put('roles', 'team-0', 'role-500', { rules });
    await put('rolebindings', 'team-0', 'role-500', bound('user-500', 'Role', 'role-500'));
  }
  await put('rolebindings', 'team-0', 'owner', bound('owner', 'ClusterRole', 'admin'));
  const standing = storeAuthorization(store);
  for (const service of standing.services) await service.start();
  const authorizer = defaultAuthorizer(standing, new AuthorizationMetrics(new MetricRegistry()));
  return {
    authorizer,
    close: async () => {
      for (const service of standing.services) await service.close();
      await store.close();
    },
  };
}

interface Asked {
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Decider;
  readonly user: string;
  readonly verb: string;
  readonly rounds: number;
}

/** All that a request passes between its head and its work. */
async function microseconds({ authenticators, authorizer, user: commonName, verb, rounds }: Asked): Promise<number> {
  const certificate = { commonName, organizations: ['devs'], notAfterMs: clock.now() + 3_600_000, trusted: true };
  const credentials = { certificate, headers: { accept: 'application/json', 'user-agent': 'bench' } };
  const what = { group: '', version: 'v1', resource: 'pods', subresource: '', name: 'web', path: '' };
  const pass = async (): Promise<void> => {
    const user = await authenticate(authenticators, credentials);
    if (asksForAnother(credentials.headers)) throw new Error('nobody impersonates here');
    const attributes: AuthorizationAttributes = { ...what, user, verb, namespace: 'team-0' };
    const decision = authorizer.decide(attributes);
    if (decision instanceof Promise) throw new Error('nobody outside is asked');
  };
  for (let i = 0; i < 1_000; i++) await pass();
  const start = clock.monotonic();
  for (let i = 0; i < rounds; i++) await pass();
  return ((clock.monotonic() - start) * 1_000) / rounds;
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
