/**
 * A backup that is taken while everything goes on, a crash, and the cluster as it was: objects, secrets, tokens and volumes; pods that the
 * backup does not know are ended, those that it knows run on or come back, and nobody's watch goes on as if nothing had been.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { ConfigMap, PersistentVolume, Pod, Secret } from '../../src/api/schema/types/core-v1.ts';
import { hasReason } from '../../src/api/status-error.ts';
import { type HttpsClient, httpsClient } from '../../src/client/https-client.ts';
import { readKubeconfig } from '../../src/client/kubeconfig.ts';
import { configMaps } from '../../src/client/resources.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { eventually, leftSince, machineState, TestCluster } from '../harness.ts';
import { containerProcesses } from './containers.ts';
import { create, forever, isReady, type Manifest, podManifest, script, statusOf } from './workload.ts';

const clock = new RealClock({ keepsAlive: true });

describe('backup and restore', { timeout: 300_000 }, () => {
  let cluster: TestCluster;
  let client: HttpsClient;
  let folder: string;
  let machine: readonly string[];
  let saved: string;
  let pods: Readonly<Record<'kept' | 'gone' | 'stateful', Pod>>;
  let later: Pod;
  let token: string;
  let acknowledged: readonly string[];
  /** A revision that clients have seen and the backup has not. */
  let seen: string;

  const open = async (): Promise<HttpsClient> =>
    httpsClient({ config: await readKubeconfig(cluster.kubeconfig), clock, userAgent: 'backup-test' });
  const podOf = (name: string) => cluster.json<Pod>('get', 'pod', name);
  const ready = (name: string) =>
    eventually(
      `pod ${name} is ready`,
      async () => {
        const pod = await podOf(name);
        return isReady(pod) ? pod : undefined;
      },
      60_000,
    );
  const runs = (name: string): Manifest =>
    podManifest(name, { restartPolicy: 'Always', containers: [script(forever)] });

  const claim: Manifest = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
  };
  const stateful = podManifest('stateful', {
    restartPolicy: 'Always',
    securityContext: { runAsUser: 1234 },
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    containers: [
      script(`echo kept > /data/file; ${forever}`, { volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
    ],
  });

  before(async () => {
    machine = await machineState();
    folder = mkdtempSync(path.join(os.tmpdir(), 'naru-backup-'));
    saved = path.join(folder, 'saved.tar.gz');
    cluster = await TestCluster.up();
    client = await open();
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    const secret: Manifest = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'password' },
      stringData: { pw: 'hunter2' },
    };
    await create(cluster, secret, claim, stateful, runs('kept'), runs('gone'));
    const [kept, gone, withVolume] = await Promise.all([ready('kept'), ready('gone'), ready('stateful')]);
    pods = { kept, gone, stateful: withVolume };
    token = (await cluster.mustKubectl('create', 'token', 'default', '--duration', '24h')).trim();
  });

  after(async () => {
    client?.close();
    await TestCluster.closeAll();
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(await leftSince(machine), [], 'naru down leaves nothing behind on the machine');
  });

  /** The names of the ConfigMaps that the API has acknowledged, as they come, until `stop` is called. */
  function writers(): { readonly done: string[]; stop(): Promise<void> } {
    const done: string[] = [];
    const end = new AbortController();
    const write = async (who: number): Promise<void> => {
      for (let index = 0; !end.signal.aborted; index++) {
        const name = `load-${who}-${index}`;
        await client.create(configMaps, { metadata: { namespace: 'default', name }, data: { who: String(who) } });
        done.push(name);
      }
    };
    const all = Promise.all([1, 2, 3, 4].map(write));
    return {
      done,
      stop: async () => {
        end.abort();
        await all;
      },
    };
  }

  test('a claim without a class gets a folder of this node, which a container that is not root can write', async () => {
    const { items } = await cluster.json<{ items: PersistentVolume[] }>('get', 'pv');
    const [volume] = items;
    assert.equal(volume?.spec?.storageClassName, 'naru-local');
    assert.equal(path.dirname(volume?.spec?.local?.path ?? ''), path.join(cluster.home, 'volumes'));
    assert.equal(readFileSync(path.join(volume?.spec?.local?.path ?? '', 'file'), 'utf8'), 'kept\n');
  });

  test('a backup is taken while others write, and is its owner’s alone', async () => {
    const load = writers();
    await eventually('there is something to save', () => load.done.length > 200 || undefined);
    acknowledged = [...load.done];
    const said = await cluster.mustNaru('backup', saved);
    await load.stop();
    assert.match(said, /Backed up \d+ objects into .*saved\.tar\.gz/);
    assert.match(said, /Not in it: what lies in 1 volumes of this machine/);
    assert.equal(statSync(saved).mode & 0o777, 0o600);
    assert.ok(!existsSync(path.join(cluster.home, 'backing-up')));
    const again = await cluster.naru('backup', saved);
    assert.deepEqual([again.code, /is there already/.test(again.stderr)], [1, true]);
  });

  test('nothing is restored over a cluster that runs, nor from what is no whole backup', async () => {
    const refused = await cluster.naru('restore', saved, '--force');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /is running; end it first: naru down/);
  });

  test('after a crash the cluster is what it was: no write that was acknowledged before the backup is missing', async () => {
    await create(cluster, runs('later'));
    later = await ready('later');
    await cluster.mustKubectl('delete', 'pod', 'gone', '--now');
    await cluster.mustKubectl('patch', 'secret', 'password', '-p', '{"stringData":{"pw":"changed"}}');
    await cluster.mustKubectl('delete', 'configmap', acknowledged[0] ?? '');
    seen = (await client.list(configMaps, { namespace: 'default' })).metadata.resourceVersion ?? '';
    client.close();
    process.kill(cluster.pid, 'SIGKILL');

    const cut = path.join(folder, 'cut.tar.gz');
    const { code } = await cluster.naru('restore', cut, '--force');
    assert.equal(code, 1, 'there is no such file');
    const bytes = readFileSync(saved);
    writeFileSync(cut, bytes);
    truncateSync(cut, Math.floor(bytes.length / 2));
    const damaged = await cluster.naru('restore', cut, '--force');
    assert.match(damaged.stderr, /cut off or damaged/);
    const plain = await cluster.naru('restore', saved);
    assert.match(plain.stderr, /holds a cluster; with --force it is set aside/);

    const said = await cluster.mustNaru('restore', saved, '--force');
    assert.match(said, /What stood here is kept in .*before-restore/);
    await cluster.mustNaru('up', '--wait');
    client = await open();
    const names = new Set(
      (await client.list(configMaps, { namespace: 'default' })).items.map(({ metadata }) => metadata?.name),
    );
    assert.deepEqual(
      acknowledged.filter((name) => !names.has(name)),
      [],
    );
  });

  test('Secrets can be read, tokens hold', async () => {
    const secret = await cluster.json<Secret>('get', 'secret', 'password');
    assert.equal(Buffer.from(secret.data?.['pw'] ?? '', 'base64').toString(), 'hunter2');
    const { server, authority } = cluster.connection;
    const anonymous = path.join(folder, 'ca.crt');
    writeFileSync(anonymous, authority);
    const asked = await cluster.kubectl([
      '--kubeconfig',
      '/dev/null',
      '--server',
      server,
      '--certificate-authority',
      anonymous,
      '--token',
      token,
      'auth',
      'whoami',
    ]);
    assert.match(asked.stdout, /system:serviceaccount:default:default/, asked.stderr);
  });

  test('revisions have gone on, and who watches from one that is gone is told to list again', async () => {
    const { metadata } = await client.list(configMaps, { namespace: 'default' });
    assert.ok(Number(metadata.resourceVersion) > Number(seen) + 900_000_000);
    const ended = await new Promise<unknown>((resolve) => {
      client.watch(
        configMaps,
        { namespace: 'default', resourceVersion: seen },
        { event: () => resolve('an event'), end: resolve },
      );
    });
    assert.ok(hasReason(ended, 'Expired'), String(ended));
    const made = await client.create<ConfigMap>(configMaps, { metadata: { namespace: 'default', name: 'new' } });
    assert.ok(Number(made.metadata?.resourceVersion) > Number(metadata.resourceVersion));
  });

  test('pods of the backup run on or come back; others end', async () => {
    const kept = await ready('kept');
    assert.equal(kept.metadata?.uid, pods.kept.metadata?.uid);
    assert.equal(statusOf(kept)?.containerID, statusOf(pods.kept)?.containerID, 'it was not restarted');
    const back = await eventually(
      'the pod that was deleted runs again',
      async () => {
        const pod = await podOf('gone');
        const isNew = statusOf(pod)?.containerID !== statusOf(pods.gone)?.containerID;
        return isReady(pod) && isNew && containerProcesses(pod.metadata?.uid ?? '').length === 1 ? pod : undefined;
      },
      60_000,
    );
    assert.equal(back.metadata?.uid, pods.gone.metadata?.uid);
    const uid = later.metadata?.uid ?? '';
    await eventually(
      'the pod that the backup does not know has ended',
      () => containerProcesses(uid).length === 0 || undefined,
      90_000,
    );
    assert.equal((await cluster.kubectl(['get', 'pod', 'later'])).code, 1);
  });

  test('a volume is where it was, and goes with its claim', async () => {
    const volumes = path.join(cluster.home, 'volumes');
    assert.equal(readdirSync(volumes).length, 1);
    await ready('stateful');
    assert.equal(await cluster.mustKubectl('exec', 'stateful', '--', 'cat', '/data/file'), 'kept\n');
    await cluster.mustKubectl('delete', 'pod', 'stateful', '--now');
    await cluster.mustKubectl('delete', 'pvc', 'data', '--wait=false');
    await eventually('its folder is gone', () => readdirSync(volumes).length === 0 || undefined, 60_000);
    await eventually(
      'and its object',
      async () => (await cluster.mustKubectl('get', 'pv', '-o', 'name')) === '' || undefined,
    );
  });
});
