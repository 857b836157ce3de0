/**
 * Volumes of pods as files, mounts and groups: what only a kernel can show. What is decided about them is tested beside the source
 * (`src/agent/pod/volumes/`); the plainest use of each kind in `pods.test.ts`.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { PersistentVolumeSpec, Pod } from '../../src/api/schema/types/core-v1.ts';
import { eventually, leftSince, machineState, TestCluster } from '../harness.ts';
import { create, eventsOf, forever, type Manifest, PodWatch, type PodWishes, podManifest, script } from './workload.ts';

describe('the volumes of a pod', { timeout: 600_000, concurrency: 1 }, () => {
  let cluster: TestCluster;
  let watch: PodWatch;
  let before_: readonly string[];
  let files: string;

  before(async () => {
    before_ = await machineState();
    files = mkdtempSync(path.join(os.tmpdir(), 'naru-volume-files-'));
    cluster = await TestCluster.up();
    watch = new PodWatch(cluster);
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
  });

  after(async () => {
    watch?.close();
    await TestCluster.closeAll();
    rmSync(files, { recursive: true, force: true });
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  const run = (name: string, wishes: PodWishes): Promise<void> => create(cluster, podManifest(name, wishes));

  /** Lets the pod run to its end, and resolves with what its first container wrote, line by line. */
  const lines = async (name: string, wishes: PodWishes, container = 'app'): Promise<string[]> => {
    await run(name, wishes);
    const pod = await watch.ended(name);
    const text = await cluster.mustKubectl('logs', name, '-c', container);
    assert.equal(pod.status?.phase, 'Succeeded', `${text}\n${JSON.stringify(pod.status)}`);
    return text.trimEnd().split('\n');
  };

  const shell = (name: string, text: string): Promise<string> =>
    cluster.mustKubectl('exec', name, '-c', 'app', '--', '/bin/sh', '-c', text);

  const remove = async (name: string): Promise<void> => {
    await cluster.mustKubectl('delete', 'pod', name, '--wait=false');
    await watch.gone(name);
  };

  /** Mount points that name the pod. */
  const mountsOf = ({ metadata }: Pod): readonly string[] => {
    const table = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    return table.map((line) => line.split(' ')[4] ?? '').filter((point) => point.includes(`/${metadata?.uid}/`));
  };

  const configMap = (name: string, data: Readonly<Record<string, string>>): Manifest => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data,
  });

  const failedMount = (name: string, message: RegExp): Promise<boolean> =>
    eventually(`${name}: an event FailedMount ${message}`, async () => {
      const found = (await eventsOf(cluster, name)).filter(({ reason }) => reason === 'FailedMount');
      return found.some((event) => message.test(event.message ?? '')) || undefined;
    });

  test('follow what they are made of within ten seconds, while the container runs', async () => {
    await create(cluster, configMap('followed', { color: 'blue' }));
    const volumes = [
      { name: 'config', configMap: { name: 'followed' } },
      { name: 'self', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      { name: 'absent', secret: { secretName: 'comes-later', optional: true } },
    ];
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
    await run('follows', { labels: { tier: 'old' }, volumes, containers: [script(forever, { volumeMounts })] });
    await watch.ready('follows');
    await cluster.mustKubectl('patch', 'configmap', 'followed', '-p', '{"data":{"color":"red","size":"xl"}}');
    await cluster.mustKubectl('label', 'pod', 'follows', 'tier=new', '--overwrite');
    await cluster.mustKubectl('create', 'secret', 'generic', 'comes-later', '--from-literal=word=s3cret');
    const look = 'cat /config/color /config/size /self/labels /absent/word; ls /config | wc -l';
    await eventually(
      'the files are new',
      async () => (await shell('follows', look).catch(() => '')) === 'redxltier="new"s3cret2\n' || undefined,
      10_000,
    );
  });

  test('give variables: a file that an init container wrote', async () => {
    const volumes = [{ name: 'out', emptyDir: {} }];
    const write = `printf "# made\\nNAME='a value'\\n" > /out/app.env`;
    const found = await lines('env-file', {
      volumes,
      initContainers: [script(write, { volumeMounts: [{ name: 'out', mountPath: '/out' }] })],
      containers: [
        script('echo "$FROM_FILE"', {
          env: [{ name: 'FROM_FILE', valueFrom: { fileKeyRef: { volumeName: 'out', path: 'app.env', key: 'NAME' } } }],
        }),
      ],
    });
    assert.deepEqual(found, ['a value']);
  });

  test('show parts of themselves: folders, one file, names made of variables; and let go of them', async () => {
    await create(cluster, configMap('parts', { one: '1', two: '2' }));
    const volumes = [
      { name: 'data', emptyDir: {} },
      { name: 'config', configMap: { name: 'parts' } },
    ];
    const volumeMounts = [
      { name: 'data', mountPath: '/whole' },
      { name: 'data', mountPath: '/part', subPath: 'a/b' },
      { name: 'data', mountPath: '/named', subPathExpr: '$(POD)/logs' },
      { name: 'config', mountPath: '/etc/one', subPath: 'one' },
    ];
    const env = [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }];
    const text = `echo x > /part/file; cat /whole/a/b/file /etc/one; echo; ls -d /whole/parts/logs; ${forever}`;
    await run('parts', { volumes, containers: [script(text, { volumeMounts, env })] });
    const pod = await watch.ready('parts');
    await eventually(
      'it wrote',
      async () => (await cluster.mustKubectl('logs', 'parts')) === 'x\n1\n/whole/parts/logs\n',
    );
    assert.equal(mountsOf(pod).filter((point) => point.includes('/volume-subpaths/')).length, 3);
    await remove('parts');
    await eventually('nothing is mounted', () => mountsOf(pod).length === 0 || undefined);
  });

  test('show no part that a link leads out of them', async () => {
    const folder = path.join(files, 'linked');
    mkdirSync(folder);
    symlinkSync('/etc', path.join(folder, 'out'));
    const volumes = [{ name: 'host', hostPath: { path: folder } }];
    const volumeMounts = [{ name: 'host', mountPath: '/part', subPath: 'out' }];
    await run('linked', { volumes, containers: [script('ls /part', { volumeMounts })] });
    const waits = (pod: Pod) =>
      pod.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError';
    const { status } = await watch.until('linked', 'it is refused', waits);
    assert.equal(
      status?.containerStatuses?.[0]?.state?.waiting?.message,
      'failed to prepare subPath for volumeMount "host" of container "app"',
    );
  });

  test('carry mounts from one container to another, where both ask for it', async () => {
    const volumes = [{ name: 'shared', emptyDir: {} }];
    const at = (mountPropagation: 'Bidirectional' | 'HostToContainer' | 'None') => ({
      volumeMounts: [{ name: 'shared', mountPath: '/shared', mountPropagation }],
    });
    // Those who look start before there is anything to see, and look when there is.
    const look = `until [ -e /shared/mounted ]; do sleep 0.1; done; ls /shared/in; echo looked; ${forever}`;
    const mount = 'mkdir -p /shared/in && mount -t tmpfs none /shared/in && touch /shared/in/seen /shared/mounted';
    const name = 'propagation';
    await run(name, {
      volumes,
      containers: [
        script(look, at('None')),
        script(look, at('HostToContainer')),
        script(`${mount}; ${forever}`, { securityContext: { privileged: true }, ...at('Bidirectional') }),
      ],
    });
    const pod = await watch.ready(name);
    const sees = (container: string, text: string) =>
      eventually(`${container} sees ${text}`, async () => {
        const log = await cluster.mustKubectl('logs', name, '-c', container);
        return log === text || undefined;
      });
    await sees('app', 'looked\n');
    await sees('app-2', 'seen\nlooked\n');
    await remove(name);
    await eventually('nothing is mounted', () => mountsOf(pod).length === 0 || undefined);
  });

  test('belong to the pod’s group, and memory is as large as the volume or the pod allows', async () => {
    const volumes = [
      { name: 'disk', emptyDir: {} },
      { name: 'small', emptyDir: { medium: 'Memory' as const, sizeLimit: '2Mi' } },
      { name: 'pods', emptyDir: { medium: 'Memory' as const } },
    ];
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
    const text = [
      'id -u; echo x > /disk/file; stat -c "%g %a" /disk /small; stat -c %g /disk/file',
      'dd if=/dev/zero of=/small/file bs=1M count=3 2>&1 | grep -o "No space left on device"',
      "df -m /pods | tail -1 | awk '{print $2}'",
    ].join('\n');
    const limits = { memory: '32Mi' };
    const found = await lines('groups', {
      volumes,
      securityContext: { runAsUser: 1234, runAsGroup: 1234, fsGroup: 4321 },
      containers: [script(text, { volumeMounts, resources: { limits } })],
    });
    assert.deepEqual(found, ['1234', '4321 2777', '4321 3777', '4321', 'No space left on device', '32']);
  });

  const persistent = (name: string, spec: Partial<PersistentVolumeSpec>, storageClassName: string): Manifest[] => [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `pv-${name}` },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName,
        ...spec,
      },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name },
      spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: '1Gi' } } },
    },
  ];

  test('stand behind claims: a disk of the node, given to the group, which outlives its pods', async () => {
    const disk = path.join(files, 'disk');
    const node = (await cluster.mustKubectl('get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}')).trim();
    const hostname = { key: 'kubernetes.io/hostname', operator: 'In' as const, values: [node] };
    const nodeAffinity = { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } };
    await create(
      cluster,
      {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        metadata: { name: 'disks' },
        provisioner: 'kubernetes.io/no-provisioner',
        volumeBindingMode: 'WaitForFirstConsumer',
      },
      ...persistent('disk', { local: { path: disk }, nodeAffinity }, 'disks'),
    );
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'disk' } }];
    const volumeMounts = [
      { name: 'v', mountPath: '/v' },
      { name: 'v', mountPath: '/part', subPath: 'deep/part' },
    ];
    const securityContext = { runAsUser: 1234, fsGroup: 4321 };
    await run('claims', {
      volumes,
      securityContext,
      containers: [script('echo x > /v/file; echo y > /part/file; cat /v/old', { volumeMounts })],
    });
    await failedMount(
      'claims',
      /^MountVolume.NewMounter initialization failed for volume "pv-disk" : path ".*\/disk" does not exist$/,
    );
    mkdirSync(disk, { mode: 0o700 });
    writeFileSync(path.join(disk, 'old'), 'was there\n', { mode: 0o600 });
    chmodSync(disk, 0o700);
    await watch.ended('claims');
    assert.equal(await cluster.mustKubectl('logs', 'claims'), 'was there\n');
    const { mode, gid } = statSync(disk);
    assert.deepEqual([mode & 0o7777, gid], [0o2770, 4321]);
    const readOnly = [{ name: 'v', persistentVolumeClaim: { claimName: 'disk', readOnly: true } }];
    const found = await lines('claims-again', {
      volumes: readOnly,
      containers: [
        script('cat /v/file /v/deep/part/file; touch /v/new 2>&1 | grep -o "Read-only file system"', {
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        }),
      ],
    });
    assert.deepEqual(found, ['x', 'y', 'Read-only file system']);
  });

  test('behind a claim of a path of the node; a kind that the node cannot mount is refused by its name', async () => {
    const folder = path.join(files, 'path');
    await create(
      cluster,
      ...persistent('path', { hostPath: { path: folder } }, 'paths'),
      ...persistent('far', { nfs: { server: '192.0.2.1', path: '/' } }, 'far'),
    );
    const claim = (claimName: string) => ({
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }],
      containers: [script('echo x > /v/file', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
    });
    await run('far', claim('far'));
    await lines('path', claim('path'));
    assert.equal(readFileSync(path.join(folder, 'file'), 'utf8'), 'x\n');
    await failedMount(
      'far',
      /^MountVolume.SetUp failed for volume "pv-far" : volumes of type nfs are not supported on this node/,
    );
  });

  // The last, when no other test is under way: it kills the cluster.
  test('are found again by an agent that was killed: nothing is mounted twice, and all goes with the pod', async () => {
    const volumes = [
      { name: 'memory', emptyDir: { medium: 'Memory' as const, sizeLimit: '4Mi' } },
      { name: 'disk', emptyDir: {} },
    ];
    const volumeMounts = [
      { name: 'memory', mountPath: '/memory' },
      { name: 'disk', mountPath: '/disk' },
      { name: 'memory', mountPath: '/part', subPath: 'part' },
    ];
    const text = `echo run >> /memory/file; echo run >> /part/file; chmod 700 /disk; ${forever}`;
    await run('survives', { restartPolicy: 'Always', volumes, containers: [script(text, { volumeMounts })] });
    const pod = await watch.ready('survives');
    const mounts = mountsOf(pod).filter((point) => point.startsWith(cluster.home) && point.includes('/pods/'));
    assert.equal(mounts.length, 2);
    process.kill(cluster.pid, 'SIGKILL');
    await cluster.mustNaru('up');
    // The watch ended with the server: kubectl is asked from here on.
    await eventually('it is entered', () => shell('survives', 'kill 1').catch(() => undefined));
    const look = 'cat /memory/file /part/file; stat -c %a /disk';
    await eventually(
      'it runs again',
      async () => (await shell('survives', look).catch(() => '')) === 'run\nrun\nrun\nrun\n700\n' || undefined,
    );
    assert.deepEqual(
      mountsOf(pod).filter((point) => mounts.includes(point)),
      mounts,
    );
    await cluster.mustKubectl('delete', 'pod', 'survives');
    await eventually('nothing is mounted', () => mountsOf(pod).length === 0 || undefined);
  });
});
