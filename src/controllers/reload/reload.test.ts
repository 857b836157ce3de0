import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Deployment } from '../../api/schema/types/apps-v1.ts';
import type { PodSpec } from '../../api/schema/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { inProcessClient } from '../../client/in-process-client.ts';
import {
  configMaps,
  daemonSets,
  deployments,
  events,
  namespaces,
  pods,
  secrets,
  statefulSets,
} from '../../client/resources.ts';
import { startTestApi } from '../../client/testing.ts';
import { storeAuthorization } from '../../server/authorization/store-authorization.ts';
import { serviceAccount } from '../../server/rbac/testing.ts';
import { inDefault, makeDeployment, startWorld, type World, writeCounter } from '../testing.ts';
import { hashAnnotation, reloadController, seenAnnotation } from './controller.ts';
import { decideReload, formatSeen, parseSeen } from './decide.ts';
import { digesterOf } from './digest-key.ts';
import { followedBy, problemsOf, type Workload } from './wish.ts';

let world: World;
const counter = writeCounter();

async function start(): Promise<void> {
  world = await startWorld({ wrap: counter.wrap });
  await world.client.create(namespaces, { metadata: { name: 'kube-system' } });
}

const reading = (more: Partial<PodSpec> = {}): PodSpec => ({
  containers: [
    {
      name: 'main',
      image: 'image:1',
      envFrom: [{ configMapRef: { name: 'settings' } }],
      env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'password', key: 'pw' } } }],
    },
  ],
  ...more,
});

const deployment = (annotations: Record<string, string>, spec: PodSpec = reading()): Deployment => {
  const made = makeDeployment('web', { spec: { replicas: 2 } });
  const template = { metadata: { labels: { app: 'web' } }, spec };
  return { ...made, metadata: { ...made.metadata, annotations }, spec: { selector: {}, ...made.spec, template } };
};

const setMap = (name: string, value: string) =>
  world.client.create(configMaps, { metadata: inDefault(name), data: { value } });
const changeMap = (name: string, value: string) =>
  world.client.patch(configMaps, inDefault(name), { type: 'merge', body: { data: { value } } });
const setSecret = (name: string, value: string) =>
  world.client.create(secrets, { metadata: inDefault(name), data: { pw: Buffer.from(value).toString('base64') } });
const hash = async (): Promise<string | undefined> =>
  (await world.get(deployments, 'web'))?.spec?.template.metadata?.annotations?.[hashAnnotation];
const revision = async (): Promise<string | undefined> =>
  (await world.get(deployments, 'web'))?.metadata?.annotations?.['deployment.kubernetes.io/revision'];
const settle = (ms = 5000) => world.clock.advance(ms);

async function started(annotations: Record<string, string> = { 'naru.io/reload': 'true' }, spec?: PodSpec) {
  await start();
  await setMap('settings', 'one');
  await setSecret('password', 'hunter2');
  await world.client.create(deployments, deployment(annotations, spec));
  await settle();
}

describe('a workload that asks for it', () => {
  afterEach(() => world.close());

  test('is not rolled when it comes, and is when what its pods read changes', async () => {
    await started();
    assert.equal(await hash(), undefined);
    assert.equal(await revision(), '1');
    const before = (await world.list(pods)).map(({ metadata }) => metadata?.uid);
    await changeMap('settings', 'two');
    await settle(30_000);
    assert.ok(await hash());
    assert.equal(await revision(), '2');
    const now = await world.list(pods);
    assert.equal(now.length, 2);
    assert.ok(now.every(({ metadata }) => !before.includes(metadata?.uid)));
    assert.ok(now.every(({ metadata }) => metadata?.annotations?.[hashAnnotation]));
    const said = (await world.list(events)).find(({ reason }) => reason === 'Reloading');
    assert.match(said?.message ?? '', /^configmap\/settings changed/);
  });

  test('is rolled once for several changes within a second, and not for labels or the same content', async () => {
    await started();
    await changeMap('settings', 'two');
    const body = { data: { pw: Buffer.from('hunter3').toString('base64') } };
    await world.client.patch(secrets, inDefault('password'), { type: 'merge', body });
    await settle(500);
    await changeMap('settings', 'three');
    await settle(30_000);
    assert.equal(await revision(), '2');
    await world.client.patch(configMaps, inDefault('settings'), {
      type: 'merge',
      body: { metadata: { labels: { a: 'b' } } },
    });
    await changeMap('settings', 'three');
    await settle(30_000);
    assert.equal(await revision(), '2');
  });

  test('is not rolled when naru starts again, unless something changed meanwhile', async () => {
    await started();
    await world.restart();
    await settle(10_000);
    assert.equal(await revision(), '1');
    const closing = world.restart(5000);
    await changeMap('settings', 'two');
    await closing;
    await settle(10_000);
    assert.equal(await revision(), '2');
  });

  test('is not rolled by its annotation, nor by a content that its pods come to name', async () => {
    await started({});
    const annotate = (value: string | null) =>
      world.client.patch(deployments, inDefault('web'), {
        type: 'merge',
        body: { metadata: { annotations: { 'naru.io/reload': value } } },
      });
    await annotate('true');
    await settle(10_000);
    assert.equal(await revision(), '1');
    await setMap('more', 'x');
    const spec = reading({ volumes: [{ name: 'more', configMap: { name: 'more' } }] });
    await world.client.patch(deployments, inDefault('web'), { type: 'merge', body: { spec: { template: { spec } } } });
    await settle(10_000);
    assert.equal(await revision(), '2');
    assert.equal(await hash(), undefined);
    await annotate(null);
    await settle();
    assert.equal((await world.get(deployments, 'web'))?.metadata?.annotations?.[seenAnnotation], undefined);
    await changeMap('more', 'y');
    await settle(10_000);
    assert.equal(await revision(), '2');
  });

  test('is rolled when an optional content comes and goes, not when one goes that new pods could not start without', async () => {
    const optional = [{ name: 'extra', configMap: { name: 'extra', optional: true } }];
    await started({ 'naru.io/reload': 'true' }, reading({ volumes: optional }));
    await setMap('extra', 'here');
    await settle(20_000);
    assert.equal(await revision(), '2');
    await world.client.delete(configMaps, inDefault('extra'));
    await settle(20_000);
    assert.notEqual(await hash(), undefined);
    const rolled = await revision();
    assert.equal(rolled, '3');
    await world.client.delete(configMaps, inDefault('settings'));
    await settle(20_000);
    assert.equal(await revision(), rolled);
    await setMap('settings', 'one');
    await settle(20_000);
    assert.equal(await revision(), rolled, 'it came back as it was');
    await world.client.delete(configMaps, inDefault('settings'));
    await setMap('settings', 'other');
    await settle(20_000);
    assert.equal(await revision(), '4');
  });

  test('tells nothing of the content, not even to who tries all passwords', async () => {
    await started();
    const before = await world.get(deployments, 'web');
    const [secret] = await world.list(secrets, 'kube-system');
    const seen = parseSeen(before?.metadata?.annotations?.[seenAnnotation]);
    assert.equal(secret?.metadata?.name, 'naru-config-hash');
    const content = { data: { pw: Buffer.from('hunter2').toString('base64') } };
    const right = digesterOf(Buffer.from(secret?.data?.['key'] ?? '', 'base64'));
    const place = 'secret/default/password';
    assert.equal(seen?.digests['secret/password'], right.digest(place, content));
    assert.notEqual(digesterOf(Buffer.alloc(32)).digest(place, content), right.digest(place, content));
    // The same password elsewhere, put there to compare.
    assert.notEqual(right.digest('secret/mine/password', content), right.digest(place, content));
    const text = JSON.stringify([before, await world.list(events)]);
    assert.doesNotMatch(text, /hunter2|aHVudGVyMg/);
  });

  test('is not rolled when the key of the digests is lost', async () => {
    await started();
    await world.client.delete(secrets, { namespace: 'kube-system', name: 'naru-config-hash' });
    await settle();
    await world.restart();
    await changeMap('settings', 'two');
    await settle(20_000);
    assert.equal(await revision(), '1', 'what was seen is not known any more');
    await changeMap('settings', 'three');
    await settle(20_000);
    assert.equal(await revision(), '2');
  });

  test('may be a StatefulSet or a DaemonSet', async () => {
    await start();
    await setMap('settings', 'one');
    const annotations = { 'naru.io/reload': 'configmap/settings' };
    const metadata = { ...inDefault('web'), annotations };
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'image' }] } };
    const selector = { matchLabels: { app: 'web' } };
    await world.client.create(statefulSets, {
      metadata,
      spec: { selector, template, serviceName: 'web', replicas: 1 },
    });
    await world.client.create(daemonSets, { metadata, spec: { selector, template } });
    await settle();
    await changeMap('settings', 'two');
    await settle();
    for (const kind of [statefulSets, daemonSets] as const) {
      const found = (await world.get<Workload>(kind, 'web'))?.spec?.template?.metadata?.annotations;
      assert.ok(found?.[hashAnnotation], kind.kind);
    }
  });

  test('costs writes once; one that does not ask costs none, whatever changes', async () => {
    await started({});
    counter.taken();
    await changeMap('settings', 'two');
    for (let i = 0; i < 50; i++) await setSecret(`secret-${i}`, 'x');
    await settle(20_000);
    const { nodes: _heartbeats, ...written } = counter.taken();
    assert.deepEqual(written, { configmaps: 1, secrets: 50 });
  });
});

test('its account may do all that it does', async () => {
  const api = await startTestApi();
  await api.client.create(namespaces, { metadata: { name: 'kube-system' } });
  const { authorizer, services: indexes } = storeAuthorization(api.store);
  const clientFor = (account: string): Client => {
    const user = serviceAccount('kube-system', account);
    return inProcessClient({ handler: api.registry, authorizer, user, resources: api.resources });
  };
  const started = [...indexes, api.informers, reloadController({ ...api, clientFor, rootCa: 'CA' })];
  for (const service of started) await service.start();
  const reference = inDefault('settings');
  await api.client.create(configMaps, { metadata: reference, data: { value: 'one' } });
  const annotations = { 'naru.io/reload': 'configmap/settings' };
  const metadata = { ...inDefault('web'), annotations };
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'image' }] } };
  const spec = { selector: { matchLabels: { app: 'web' } }, template };
  await api.client.create(deployments, { metadata, spec });
  await api.client.create(statefulSets, { metadata, spec: { ...spec, serviceName: 'web' } });
  await api.client.create(daemonSets, { metadata, spec });
  await api.clock.advance(5000);
  await api.client.patch(configMaps, reference, { type: 'merge', body: { data: { value: 'two' } } });
  await api.clock.advance(10_000);
  for (const kind of [deployments, statefulSets, daemonSets] as const) {
    const found = await api.client.get<Workload>(kind, inDefault('web'));
    assert.ok(found.spec?.template?.metadata?.annotations?.[hashAnnotation], kind.kind);
  }
  const said = (await api.client.list(events)).items.map(({ reason }) => reason);
  assert.deepEqual([...new Set(said)], ['Reloading']);
  for (const service of started.toReversed()) await service.close();
  await api.store.close();
});

describe('what a workload asks for', () => {
  const keys = (annotations: Record<string, string>, spec?: PodSpec) =>
    followedBy(deployment(annotations, spec))
      .map(({ key, isOptional, onlyMarked }) => `${key}${isOptional ? '?' : ''}${onlyMarked ? '!' : ''}`)
      .toSorted()
      .join(' ');
  const rich = reading({
    imagePullSecrets: [{ name: 'pull' }],
    initContainers: [{ name: 'init', envFrom: [{ secretRef: { name: 'early', optional: true } }] }],
    volumes: [
      { name: 'a', configMap: { name: 'files' } },
      { name: 'b', secret: { secretName: 'certificate', optional: true } },
      {
        name: 'c',
        projected: { sources: [{ configMap: { name: 'files', optional: true } }, { secret: { name: 'joined' } }] },
      },
    ],
  });
  const maps = 'configmap/files configmap/settings';
  const keysOfSecrets = 'secret/certificate? secret/early? secret/joined secret/password';

  for (const [annotations, wanted] of [
    [{}, ''],
    [{ 'naru.io/reload': 'false' }, ''],
    [{ 'naru.io/reload': 'true' }, `${maps} ${keysOfSecrets}`],
    [{ 'naru.io/reload': 'configmap/files, secrets/elsewhere' }, 'configmap/files secret/elsewhere?'],
    [{ 'reloader.stakater.com/auto': 'true' }, `${maps} ${keysOfSecrets}`],
    [{ 'configmap.reloader.stakater.com/auto': 'true' }, maps],
    [{ 'secret.reloader.stakater.com/auto': 'true' }, keysOfSecrets],
    [{ 'configmap.reloader.stakater.com/reload': 'files,other' }, 'configmap/files configmap/other?'],
    [{ 'secret.reloader.stakater.com/reload': 'password' }, 'secret/password'],
    [
      { 'reloader.stakater.com/search': 'true' },
      'configmap/files! configmap/settings! secret/certificate?! secret/early?! secret/joined! secret/password!',
    ],
  ] as const) {
    test(`${JSON.stringify(annotations)}: ${wanted || 'nothing'}`, () => {
      assert.equal(keys(annotations, rich), wanted);
    });
  }

  test('what is no name is told', () => {
    const odd = deployment({ 'naru.io/reload': 'yes, configmap/, pod/a, configmap/fine' });
    assert.equal(problemsOf(odd).length, 3);
    assert.match(problemsOf(odd)[0] ?? '', /"yes" in naru.io\/reload is neither true nor configmap\/NAME/);
  });

  test('Reloader’s mark on a content counts, and so does its mark to ignore one', async () => {
    await started({ 'reloader.stakater.com/search': 'true' });
    await changeMap('settings', 'two');
    await settle(10_000);
    assert.equal(await revision(), '1');
    const mark = (name: string) =>
      world.client.patch(configMaps, inDefault('settings'), {
        type: 'merge',
        body: { metadata: { annotations: { [`reloader.stakater.com/${name}`]: 'true' } } },
      });
    await mark('match');
    await settle(10_000);
    await changeMap('settings', 'three');
    await settle(10_000);
    assert.equal(await revision(), '2');
    await mark('ignore');
    await settle(10_000);
    await changeMap('settings', 'four');
    await settle(10_000);
    assert.equal(await revision(), '2');
    await world.close();
  });

  test('a note that somebody spoilt is written anew', () => {
    const followed = [{ key: 'configmap/a', isOptional: false, onlyMarked: false }];
    for (const text of ['', '[]', '{', '7', '{"key":1,"configmap/a":{}}']) {
      const plan = decideReload({ followed, seen: parseSeen(text), keyId: 'k', digestOf: () => 'd' });
      assert.deepEqual(plan, { kind: 'note', seen: { keyId: 'k', digests: { 'configmap/a': 'd' } } });
    }
    const seen = { keyId: 'k', digests: { 'configmap/a': 'd' } };
    assert.deepEqual(parseSeen(formatSeen(seen)), seen);
  });
});
