import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject, JsonValue, KubeObject } from '../../../api/object.ts';
import type { StatusError } from '../../../api/status-error.ts';
import { MetricRegistry } from '../../../lib/metrics.ts';
import { SeededPrng } from '../../../lib/prng.ts';
import type { ObjectDraft } from '../../draft.ts';
import { make, type Place, rejection, startRegistry, type TestRegistry } from '../../testing.ts';
import { type AdmissionRequest, Reinvocation } from '../admission.ts';
import { warningsOfExistingPods } from './existing-pods.ts';
import { PodSecurity } from './pod-security.ts';
import { latest, privilegedPolicy } from './policy.ts';
import type { PodSecuritySettings } from './settings.ts';

const prefix = 'pod-security.kubernetes.io/';
const labels = (short: Readonly<Record<string, string | null>>): Record<string, string | null> =>
  Object.fromEntries(Object.entries(short).map(([name, value]) => [prefix + name, value]));

/** A registry with a namespace `team` whose labels are these. */
async function withNamespace(short: Readonly<Record<string, string>>): Promise<TestRegistry> {
  const registry = await startRegistry();
  await registry.create('namespaces', make.namespace({ metadata: { labels: labels(short) } }));
  const account = { metadata: { name: 'default' }, automountServiceAccountToken: false };
  await registry.create('serviceaccounts', account, { namespace: 'team' });
  return registry;
}

interface Told {
  readonly warnings: readonly string[];
  readonly notes: Readonly<Record<string, string>>;
  readonly error?: StatusError;
}

/** Makes it in `team`; what was said of it. */
async function told(registry: TestRegistry, resource: string, body: object, place: Place = {}): Promise<Told> {
  const notes: Record<string, string> = {};
  const annotate = (key: string, value: string): void => {
    notes[key.replace(prefix, '')] = value;
  };
  const target = registry.target(resource, { namespace: 'team', ...place });
  try {
    const { warnings } = await registry.registry.create(target, body as JsonObject, { annotate });
    return { warnings, notes };
  } catch (error) {
    return { warnings: [], notes, error: error as StatusError };
  }
}

const restrictedContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};
const container = (securityContext: object, image = 'image:1') => ({ name: 'main', image, securityContext });
const podWith = (securityContext: object, name = 'pod', more: object = {}) =>
  make.pod({ spec: { containers: [container(securityContext)], ...more } }, name);
const plain = podWith({});
const hardened = podWith(restrictedContext);
const privilegedPod = podWith({ privileged: true });
const details =
  'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false), ' +
  'unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"]), ' +
  'runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true), ' +
  'seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")';
const privilegedDetails = 'privileged (container "main" must not set securityContext.privileged=true)';

describe('pods in a namespace with a policy', () => {
  test('are refused by what it enforces, with all reasons', async () => {
    const registry = await withNamespace({ enforce: 'restricted' });
    const { error, warnings, notes } = await told(registry, 'pods', plain);
    assert.equal(error?.code, 403);
    assert.equal(error.reason, 'Forbidden');
    assert.equal(error.message, `pods "pod" is forbidden: violates PodSecurity "restricted:latest": ${details}`);
    assert.deepEqual(error.details, { name: 'pod', kind: 'pods' });
    assert.deepEqual(warnings, []);
    assert.deepEqual(notes, { 'enforce-policy': 'restricted:latest' });
    assert.deepEqual(await told(registry, 'pods', hardened), {
      warnings: [],
      notes: { 'enforce-policy': 'restricted:latest' },
    });
  });

  test('are refused under the name that was made for them', async () => {
    const registry = await withNamespace({ enforce: 'baseline' });
    const body = make.pod({ metadata: { name: undefined, generateName: 'web-' }, spec: { hostNetwork: true } });
    const { error } = await told(registry, 'pods', body);
    assert.match(error?.message ?? '', /^pods "web-\w{5}" is forbidden: violates PodSecurity "baseline:latest": host/);
  });

  test('are let in with a warning and a note where that is all', async () => {
    const registry = await withNamespace({ audit: 'restricted', 'audit-version': 'v1.24', warn: 'baseline' });
    assert.deepEqual(await told(registry, 'pods', privilegedPod), {
      warnings: [`would violate PodSecurity "baseline:latest": ${privilegedDetails}`],
      notes: {
        'enforce-policy': 'privileged:latest',
        'audit-violations': `would violate PodSecurity "restricted:v1.24": ${privilegedDetails}, ${details}`,
      },
    });
  });

  test('that are refused are noted, and not warned of', async () => {
    const registry = await withNamespace({ enforce: 'baseline', audit: 'baseline', warn: 'restricted' });
    const { error, warnings, notes } = await told(registry, 'pods', privilegedPod);
    assert.equal(error?.reason, 'Forbidden');
    assert.deepEqual(warnings, []);
    assert.deepEqual(notes, {
      'enforce-policy': 'baseline:latest',
      'audit-violations': `would violate PodSecurity "baseline:latest": ${privilegedDetails}`,
    });
    assert.deepEqual((await told(registry, 'pods', plain)).warnings, [
      `would violate PodSecurity "restricted:latest": ${details}`,
    ]);
  });

  test('a volume without a source is an emptyDir by then', async () => {
    const registry = await withNamespace({ enforce: 'restricted' });
    const body = podWith(restrictedContext, 'pod', { volumes: [{ name: 'scratch' }] });
    assert.equal((await told(registry, 'pods', body)).error, undefined);
  });

  test('in a namespace without labels are nobody’s concern', async () => {
    const registry = await withNamespace({});
    assert.deepEqual(await told(registry, 'pods', privilegedPod), {
      warnings: [],
      notes: { 'enforce-policy': 'privileged:latest' },
    });
  });

  test('that were there before can be labelled, finished and deleted, and get no other image', async () => {
    const registry = await withNamespace({});
    const place = { namespace: 'team' };
    await registry.create('pods', plain, place);
    await registry.patch('namespaces', 'team', { metadata: { labels: labels({ enforce: 'restricted' }) } });
    await registry.patch('pods', 'pod', { metadata: { labels: { a: 'b' } } }, place);
    await registry.patch('pods', 'pod', { status: { phase: 'Failed' } }, { ...place, subresource: 'status' });
    const image = { spec: { containers: [{ name: 'main', image: 'image:2' }] } };
    const error = await rejection(registry.patch('pods', 'pod', image, place), 'Forbidden');
    assert.match(error.message, /^pods "pod" is forbidden: violates PodSecurity "restricted:latest": allowPriv/);
    await registry.delete('pods', 'pod', { ...place, gracePeriodSeconds: 0 });
  });

  test('are asked about a container that comes to look into them', async () => {
    const registry = await withNamespace({ enforce: 'restricted' });
    const place = { namespace: 'team', subresource: 'ephemeralcontainers' };
    await registry.create('pods', hardened, { namespace: 'team' });
    const added = (name: string, securityContext: object) => ({
      spec: { ephemeralContainers: [{ name, image: 'debug:1', securityContext }] },
    });
    const error = await rejection(registry.patch('pods', 'pod', added('loose', {}), place), 'Forbidden');
    assert.match(error.message, /container "loose" must set securityContext.allowPrivilegeEscalation=false/);
    await registry.patch('pods', 'pod', added('tight', restrictedContext), place);
  });
});

describe('what makes pods', () => {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [container({})] } };
  const once = { spec: { restartPolicy: 'Never', containers: [container({})] } };
  const bodies: readonly (readonly [resource: string, body: object])[] = [
    ['deployments.apps', make.deployment({ spec: { template } })],
    ['replicasets.apps', make.replicaSet({ spec: { template } })],
    ['statefulsets.apps', make.statefulSet({ spec: { template } })],
    ['daemonsets.apps', make.daemonSet({ spec: { template } })],
    ['jobs.batch', make.job({ spec: { template: once } })],
    ['cronjobs.batch', make.cronJob({ spec: { jobTemplate: { spec: { template: once } } } })],
    ['podtemplates', { metadata: { name: 'one' }, template }],
    ['replicationcontrollers', { metadata: { name: 'one' }, spec: { selector: { app: 'web' }, template } }],
  ];

  for (const [resource, body] of bodies) {
    test(`${resource} are warned of and noted, and never refused`, async () => {
      const registry = await withNamespace({ enforce: 'restricted', audit: 'restricted' });
      const would = `would violate PodSecurity "restricted:latest": ${details}`;
      assert.deepEqual(await told(registry, resource, body), {
        warnings: [would],
        notes: { 'audit-violations': would },
      });
    });
  }

  test('is held to nothing by a policy that only enforces', async () => {
    const registry = await withNamespace({ enforce: 'restricted', warn: 'privileged' });
    assert.deepEqual(await told(registry, 'deployments.apps', bodies[0]?.[1] ?? {}), { warnings: [], notes: {} });
  });

  test('is let in without a word where its template is well', async () => {
    const registry = await withNamespace({ enforce: 'baseline' });
    assert.deepEqual(await told(registry, 'deployments.apps', bodies[0]?.[1] ?? {}), { warnings: [], notes: {} });
  });
});

describe('the labels of a namespace', () => {
  const patched = async (
    registry: TestRegistry,
    short: Readonly<Record<string, string | null>>,
  ): Promise<readonly string[]> => {
    const target = registry.target('namespaces', { name: 'team' });
    const patch = { metadata: { labels: labels(short) } } as JsonValue;
    return (await registry.registry.patch(target, 'application/merge-patch+json', patch, {})).warnings;
  };

  test('must say a level and a version', async () => {
    const registry = await startRegistry();
    const body = make.namespace({ metadata: { labels: labels({ enforce: 'strict', 'warn-version': '1.2' }) } });
    const error = await rejection(registry.create('namespaces', body), 'Invalid');
    assert.equal(
      error.message,
      'Namespace "team" is invalid: [' +
        'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, ' +
        'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"]',
    );
    assert.deepEqual(
      error.details?.causes?.map(({ field }) => field),
      [
        'metadata.labels[pod-security.kubernetes.io/enforce]',
        'metadata.labels[pod-security.kubernetes.io/warn-version]',
      ],
    );
    await registry.create('namespaces', make.namespace({ metadata: { labels: labels({ enforce: 'baseline' }) } }));
    const change = registry.patch('namespaces', 'team', { metadata: { labels: labels({ audit: 'x' }) } });
    assert.match((await rejection(change, 'Invalid')).message, /^Namespace "team" is invalid: metadata\.labels\[/);
  });

  test('that became stricter are held against the pods that are there', async () => {
    const registry = await withNamespace({});
    const place = { namespace: 'team' };
    for (const name of ['b', 'a', 'c']) await registry.create('pods', podWith({}, name), place);
    await registry.create('pods', podWith({ privileged: true }, 'd'), place);
    await registry.create('pods', podWith(restrictedContext, 'good'), place);
    const group = 'allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile';
    assert.deepEqual(await patched(registry, { enforce: 'restricted' }), [
      'existing pods in namespace "team" violate the new PodSecurity enforce level "restricted:latest"',
      `a (and 2 other pods): ${group}`,
      `d: privileged, ${group}`,
    ]);
    assert.deepEqual(await patched(registry, { warn: 'restricted' }), []);
    assert.deepEqual(await patched(registry, { enforce: 'baseline' }), []);
    assert.deepEqual(await patched(registry, { 'enforce-version': 'v1.20' }), [
      'existing pods in namespace "team" violate the new PodSecurity enforce level "baseline:v1.20"',
      'd: privileged',
    ]);
    assert.deepEqual(await patched(registry, { enforce: null, 'enforce-version': null }), []);
  });

  test('that stood there unreadable stay until they are changed, and enforce the strictest', async () => {
    const registry = await withNamespace({});
    const key = { collection: 'namespaces', namespace: '', name: 'team' };
    const entry = registry.store.get(key);
    assert.ok(entry);
    const object: KubeObject = {
      ...entry.object,
      metadata: { ...entry.object.metadata, labels: { [`${prefix}enforce`]: 'odd' } },
    };
    await registry.store.write({ kind: 'put', key, object, expectedRevision: entry.revision });
    await registry.patch('namespaces', 'team', { metadata: { annotations: { a: 'b' } } });
    const { error, notes } = await told(registry, 'pods', plain);
    assert.match(error?.message ?? '', /violates PodSecurity "restricted:latest"/);
    const wrong = `metadata.labels[${prefix}enforce]: Invalid value: "odd": must be one of privileged, baseline, restricted`;
    assert.equal(notes['error'], `Failed to parse policy: ${wrong}`);
    await rejection(patched(registry, { enforce: 'odder' }), 'Invalid');
  });
});

describe('looking at the pods of a namespace', () => {
  const owned = (name: string, uid: string | undefined) => ({
    metadata: {
      name,
      ...(uid && { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid, controller: true }] }),
    },
    spec: { containers: [{ name: 'main' }], hostNetwork: true },
  });
  const enforce = { level: 'baseline', version: latest } as const;

  test('ends at a number of pods, those of different controllers first', async () => {
    const { clock } = await startRegistry();
    const many = Array.from({ length: 3_000 }, (_, index) => owned(`a${10_000 + index}`, 'one'));
    const pods = [
      ...many,
      owned('z', undefined),
      {
        ...owned('y', 'two'),
        spec: {
          containers: [{ name: 'm' }],
          hostPID: true,
          hostNetwork: false,
          volumes: [{ name: 'v', hostPath: { path: '/' } }],
        },
      },
    ];
    assert.deepEqual(warningsOfExistingPods({ namespace: 'n', enforce, pods, clock }), [
      'new PodSecurity enforce level only checked against the first 3000 of 3002 existing pods',
      'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:latest"',
      'a10000 (and 2998 other pods): host namespaces',
      'y: host namespaces, hostPath volumes',
    ]);
  });

  test('ends after a second', async () => {
    const { clock } = await startRegistry();
    let nowMs = 0;
    const slow = Object.create(clock, { monotonic: { value: () => (nowMs += 400) } }) as typeof clock;
    const pods = ['a', 'b', 'c', 'd', 'e'].map((name) => owned(name, undefined));
    assert.deepEqual(warningsOfExistingPods({ namespace: 'n', enforce, pods, clock: slow }), [
      'new PodSecurity enforce level only checked against the first 3 of 5 existing pods',
      'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:latest"',
      'a (and 2 other pods): host namespaces',
    ]);
  });
});

describe('exemptions', () => {
  const settings: PodSecuritySettings = {
    defaults: { ...privilegedPolicy, enforce: { level: 'baseline', version: latest } },
    exempt: { usernames: new Set(['ann']), namespaces: new Set(['team']), runtimeClasses: new Set(['sandbox']) },
  };

  /** Asks a plugin with these settings about a pod that breaks baseline. */
  async function ask(change: { user?: string; namespace?: string; runtimeClassName?: string } = {}) {
    const registry = await withNamespace({});
    const metrics = new MetricRegistry();
    const { user = 'tester', namespace = 'default', runtimeClassName } = change;
    const notes: Record<string, string> = {};
    const target = { ...registry.target('pods', { namespace }), user: { name: user, groups: [] } };
    const spec = { hostNetwork: true, containers: [], ...(runtimeClassName && { runtimeClassName }) };
    const request: AdmissionRequest = {
      operation: 'CREATE',
      target,
      collection: 'pods',
      draft: { metadata: { name: 'pod' }, spec },
      dryRun: false,
      store: registry.store,
      clock: registry.clock,
      prng: new SeededPrng(1),
      warn: () => assert.fail('a warning'),
      annotate: (key, value) => void (notes[key] = value),
      undoWith: () => {},
      asked: () => assert.fail('nobody outside is asked'),
      waitsOutside: () => {},
      reinvocation: new Reinvocation(),
    };
    let refused = false;
    try {
      new PodSecurity({ settings, metrics }).validate(request);
    } catch {
      refused = true;
    }
    return { refused, exempt: notes[`${prefix}exempt`], metrics: metrics.text() };
  }

  test('hold for a user, a namespace, a runtime class, and are noted and counted', async () => {
    const counted = 'pod_security_exemptions_total{request_operation="create",resource="pod",subresource=""} 1';
    for (const [change, exempt] of [
      [{ user: 'ann' }, 'user'],
      [{ namespace: 'team' }, 'namespace'],
      [{ namespace: 'team', user: 'ann' }, 'namespace'],
      [{ runtimeClassName: 'sandbox' }, 'runtimeClass'],
    ] as const) {
      const said = await ask(change);
      assert.deepEqual([said.refused, said.exempt], [false, exempt]);
      assert.ok(said.metrics.includes(counted), said.metrics);
    }
  });

  test('hold for nobody else, and refusals are counted', async () => {
    const { refused, exempt, metrics } = await ask({ runtimeClassName: 'other' });
    assert.deepEqual([refused, exempt], [true, undefined]);
    const series =
      'decision="deny",policy_level="baseline",policy_version="latest",mode="enforce",request_operation="create",resource="pod",subresource=""';
    assert.ok(metrics.includes(`pod_security_evaluations_total{${series}} 1`), metrics);
  });

  test('of a namespace make its labels a warning', async () => {
    const registry = await withNamespace({});
    const plugin = new PodSecurity({ settings });
    const warnings: string[] = [];
    const draft = make.namespace({
      metadata: { labels: labels({ enforce: 'restricted', audit: 'baseline', 'audit-version': 'v1.9' }) },
    });
    plugin.validate({
      operation: 'CREATE',
      target: registry.target('namespaces'),
      collection: 'namespaces',
      draft: draft as unknown as ObjectDraft,
      warn: (text: string) => void warnings.push(text),
    } as unknown as AdmissionRequest);
    assert.deepEqual(warnings, [
      'namespace "team" is exempt from Pod Security, and the policy (enforce=restricted:latest, audit=baseline:v1.9) will be ignored',
    ]);
  });
});
