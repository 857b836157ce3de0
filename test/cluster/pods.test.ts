/**
 * What a container is given: variables, arguments, files, limits, an identity, a network. Each test makes pods of its own in the one
 * cluster, and most let the container itself say what it sees.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { Node } from '../../src/api/schema/types/core-v1.ts';
import { eventually, leftSince, machineState, TestCluster } from '../harness.ts';
import { containerProcesses } from './containers.ts';
import {
  condition,
  create,
  eventsOf,
  forever,
  type Manifest,
  PodWatch,
  type PodWishes,
  podManifest,
  script,
  statusOf,
} from './workload.ts';

const serverProgram = `
const { createServer } = require('node:http');
let ready = true;
createServer((request, response) => {
  if (request.url === '/break') ready = false;
  if (request.url === '/mend') ready = true;
  const refuses = request.url === '/ready' && !ready;
  response.writeHead(refuses ? 503 : 200, { 'content-type': 'text/plain' });
  response.end(refuses ? 'not now' : 'hello from ' + process.env.WHO);
}).listen(Number(process.env.PORT));
process.on('SIGTERM', () => process.exit(0));
`;

describe('a container in a pod', { timeout: 600_000, concurrency: 8 }, () => {
  let cluster: TestCluster;
  let watch: PodWatch;
  let before_: readonly string[];
  let files: string;

  before(async () => {
    before_ = await machineState();
    files = mkdtempSync(path.join(os.tmpdir(), 'naru-files-'));
    cluster = await TestCluster.up();
    watch = new PodWatch(cluster);
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    await create(
      cluster,
      configMap('settings', { color: 'blue', shape: 'round' }),
      secret('keys', { token: 's3cret' }),
    );
  });

  after(async () => {
    watch?.close();
    await TestCluster.closeAll();
    rmSync(files, { recursive: true, force: true });
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  const configMap = (name: string, data: Readonly<Record<string, string>>): Manifest => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data,
  });
  const secret = (name: string, stringData: Readonly<Record<string, string>>): Manifest => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    stringData,
  });

  /** Lets the pod run to its end, and resolves with what it wrote. */
  const output = async (name: string, wishes: PodWishes): Promise<string> => {
    await create(cluster, podManifest(name, wishes));
    const pod = await watch.ended(name);
    const text = await cluster.mustKubectl('logs', name);
    assert.equal(pod.status?.phase, 'Succeeded', `${text}\n${JSON.stringify(pod.status)}`);
    return text;
  };

  const lines = async (name: string, wishes: PodWishes): Promise<string[]> =>
    (await output(name, wishes)).trimEnd().split('\n');

  test('gets variables: literal, from ConfigMap and Secret, of itself and its resources, and ones that refer to others', async () => {
    const text = await output('variables', {
      labels: { app: 'shop' },
      annotations: { note: 'a b' },
      containers: [
        script('env', {
          resources: { requests: { cpu: '50m', memory: '16Mi' }, limits: { cpu: '250m', memory: '64Mi' } },
          envFrom: [
            { configMapRef: { name: 'settings' }, prefix: 'SET_' },
            { secretRef: { name: 'nothing', optional: true } },
          ],
          env: [
            { name: 'LITERAL', value: 'one' },
            { name: 'REFERRING', value: '$(LITERAL) and $(SET_color), $$(LITERAL) and $(MISSING)' },
            { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
            { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
            { name: 'ABSENT', valueFrom: { secretKeyRef: { name: 'keys', key: 'other', optional: true } } },
            { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            { name: 'SPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
            { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
            { name: 'NOTE', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['note']" } } },
            { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
            { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
            { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'requests.memory', divisor: '1Mi' } } },
          ],
        }),
      ],
    });
    const variables = new Map(text.split('\n').map((line) => line.split(/=(.*)/s, 2) as [string, string]));
    const pod = watch.history('variables').at(-1);
    const expected = {
      LITERAL: 'one',
      REFERRING: 'one and blue, $(LITERAL) and $(MISSING)',
      COLOR: 'blue',
      TOKEN: 's3cret',
      SET_color: 'blue',
      SET_shape: 'round',
      POD: 'variables',
      SPACE: 'default',
      LABEL: 'shop',
      NOTE: 'a b',
      POD_IP: pod?.status?.podIP,
      NODE: pod?.spec?.nodeName,
      CPU: '250',
      MEMORY: '16',
      HOSTNAME: 'variables',
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(variables.get(name), value, name);
    assert.equal(variables.has('ABSENT'), false);
  });

  test('waits for a ConfigMap that its variables need, says so, and starts when it is there', async () => {
    const env = [{ name: 'LATE', valueFrom: { configMapKeyRef: { name: 'late', key: 'word' } } }];
    await create(cluster, podManifest('waits', { containers: [script('echo $LATE', { env })] }));
    const waiting = await watch.until(
      'waits',
      'it says why it waits',
      (pod) => statusOf(pod)?.state?.waiting?.message !== undefined,
    );
    assert.deepEqual(statusOf(waiting)?.state?.waiting, {
      reason: 'CreateContainerConfigError',
      message: 'configmap "late" not found',
    });
    await create(cluster, configMap('late', { word: 'here' }));
    await watch.ended('waits');
    assert.equal(await cluster.mustKubectl('logs', 'waits'), 'here\n');
  });

  test('runs the image’s own command, its own arguments or other ones, in the folder that it is told', async () => {
    const archive = path.join(files, 'says.tar');
    const image = ['--name', 'test/says:1', '--entrypoint', '/bin/busybox', 'echo', '--cmd', 'the', 'default'];
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', ...image, '--output', archive);
    await cluster.mustNaru('image', 'import', archive);
    const says = { image: 'test/says:1' };
    const [plain, args, command, both] = await Promise.all([
      output('says-plain', { containers: [says] }),
      output('says-args', {
        containers: [{ ...says, args: ['other', '$(WORD)'], env: [{ name: 'WORD', value: 'words' }] }],
      }),
      output('says-command', { containers: [{ ...says, command: ['/bin/busybox', 'printf', 'no arguments'] }] }),
      output('says-both', {
        containers: [{ ...says, command: ['/bin/busybox', 'pwd'], args: ['-P'], workingDir: '/etc' }],
      }),
    ]);
    assert.deepEqual([plain, args, command, both], ['the default\n', 'other words\n', 'no arguments', '/etc\n']);
  });

  test('finds its files in volumes: ConfigMap, Secret, downward API, several in one, a part of one', async () => {
    const text = await lines('volumes', {
      labels: { app: 'shop' },
      containers: [
        script(
          [
            'cat /config/color /config/deep/form; echo; stat -L -c %a /config/color /config/deep/form',
            'cat /secret/token; echo; stat -L -c %a /secret/token; grep " /secret " /proc/mounts | cut -d" " -f4 | cut -d, -f1',
            'cat /self/labels; echo; cat /all/color /all/name; echo; cat /one/color; echo; ls /one',
            'echo x > /config/color || echo refused',
          ].join('\n'),
          {
            volumeMounts: [
              { name: 'config', mountPath: '/config' },
              { name: 'secret', mountPath: '/secret', readOnly: true },
              { name: 'self', mountPath: '/self' },
              { name: 'all', mountPath: '/all' },
              { name: 'config', mountPath: '/one/color', subPath: 'color' },
            ],
          },
        ),
      ],
      volumes: [
        {
          name: 'config',
          configMap: {
            name: 'settings',
            items: [
              { key: 'color', path: 'color' },
              { key: 'shape', path: 'deep/form', mode: 0o600 },
            ],
          },
        },
        { name: 'secret', secret: { secretName: 'keys', defaultMode: 0o400 } },
        { name: 'self', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        {
          name: 'all',
          projected: {
            sources: [
              { configMap: { name: 'settings' } },
              { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
            ],
          },
        },
      ],
    });
    assert.deepEqual(
      text.filter((line) => !line.startsWith('/bin/sh')),
      ['blueround', '644', '600', 's3cret', '400', 'ro', 'app="shop"', 'bluevolumes', 'blue', 'color', 'refused'],
    );
  });

  test('reads the authorities that a signer publishes; where there are none and that is borne, an empty file', async () => {
    const name = 'trusts';
    const signerName = 'kubernetes.io/kube-apiserver-serving';
    const sources = [
      { clusterTrustBundle: { signerName, labelSelector: {}, path: 'ca.crt' } },
      { clusterTrustBundle: { name: 'absent', optional: true, path: 'none' } },
    ];
    const volumeMounts = [{ name: 'trust', mountPath: '/trust' }];
    await create(
      cluster,
      podManifest(name, {
        volumes: [{ name: 'trust', projected: { sources } }],
        containers: [script('cat /trust/ca.crt; wc -c < /trust/none', { volumeMounts })],
      }),
    );
    assert.equal((await watch.ended(name)).status?.phase, 'Succeeded');
    assert.equal(await cluster.mustKubectl('logs', name), `${cluster.connection.authority.trim()}\n0\n`);
    await cluster.mustKubectl('delete', 'pod', name);
  });

  test('shares an emptyDir with its neighbours, which lasts as long as the pod; on Memory it is one', async () => {
    const name = 'shares';
    const mounts = [
      { name: 'disk', mountPath: '/disk' },
      { name: 'memory', mountPath: '/memory' },
    ];
    await create(
      cluster,
      podManifest(name, {
        restartPolicy: 'OnFailure',
        volumes: [
          { name: 'disk', emptyDir: {} },
          { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
        ],
        containers: [
          script('echo run >> /disk/runs; echo $(wc -l < /disk/runs) > /memory/count; [ -e /disk/go ]', {
            volumeMounts: mounts,
          }),
          script('until [ "$(cat /memory/count)" = 1 ]; do sleep 0.1; done; touch /disk/go; df -m /memory | tail -1', {
            volumeMounts: mounts,
          }),
        ],
      }),
    );
    const pod = await watch.ended(name);
    assert.equal(pod.status?.phase, 'Succeeded');
    assert.ok((statusOf(pod, 'app')?.restartCount ?? 0) >= 1);
    assert.match(await cluster.mustKubectl('logs', name, '-c', 'app-2'), /^(tmpfs|shm|none) +8 .* \/memory\n$/);
    await cluster.mustKubectl('delete', 'pod', name);
  });

  test('sees a folder of the machine through hostPath, and a wrong type is told', async () => {
    writeFileSync(path.join(files, 'from-host'), 'hello');
    const hostPath = (type: 'Directory' | 'File') => [{ name: 'host', hostPath: { path: files, type } }];
    const volumeMounts = [{ name: 'host', mountPath: '/host' }];
    const write = script('cat /host/from-host; echo back > /host/from-pod', { volumeMounts });
    assert.equal(await output('host-path', { volumes: hostPath('Directory'), containers: [write] }), 'hello');
    assert.equal(readFileSync(path.join(files, 'from-pod'), 'utf8'), 'back\n');
    await create(cluster, podManifest('host-path-wrong', { volumes: hostPath('File'), containers: [write] }));
    const event = await eventually('an event', async () =>
      (await eventsOf(cluster, 'host-path-wrong')).find(({ reason }) => reason === 'FailedMount'),
    );
    assert.match(event.message ?? '', /^MountVolume.SetUp failed for volume "host" : .*is not a file/);
    await cluster.mustKubectl('delete', 'pod', 'host-path-wrong');
  });

  test('runs as the user, groups and rights that it is given', async () => {
    const show =
      "exec 2>&1; id; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; touch /file && echo wrote; touch /tmp/x";
    const emptyDir = { volumes: [{ name: 'tmp', emptyDir: {} }] };
    const volumeMounts = [{ name: 'tmp', mountPath: '/tmp' }];
    const [user, privileged, root] = await Promise.all([
      output('as-user', {
        ...emptyDir,
        securityContext: { runAsUser: 1234, runAsGroup: 2345, fsGroup: 3456, supplementalGroups: [4567] },
        containers: [
          script(`${show}; stat -c %g /tmp/x`, {
            volumeMounts,
            securityContext: {
              readOnlyRootFilesystem: true,
              allowPrivilegeEscalation: false,
              capabilities: { drop: ['ALL'] },
            },
          }),
        ],
      }),
      output('as-privileged', {
        containers: [script(`${show}; ls /dev/kmsg`, { securityContext: { privileged: true } })],
      }),
      output('as-root', {
        containers: [script(show, { securityContext: { capabilities: { drop: ['CHOWN'], add: ['NET_ADMIN'] } } })],
      }),
    ]);
    assert.match(user, /uid=1234 gid=2345 groups=2345(?=.*3456)(?=.*4567)/);
    assert.match(user, /CapBnd:\t0+\nNoNewPrivs:\t1\n/);
    assert.match(user, /Read-only file system/);
    assert.match(user, /\n3456\n$/);
    assert.match(privileged, /uid=0.*wrote\n\/dev\/kmsg\n$/s);
    assert.match(root, /uid=0.*NoNewPrivs:\t0\nwrote\n/s);
    const has = (text: string, capability: number): boolean =>
      ((BigInt(`0x${/CapEff:\t(\w+)/.exec(text)?.[1]}`) >> BigInt(capability)) & 1n) === 1n;
    const [chown, killing, netAdmin] = [0, 5, 12];
    assert.deepEqual([has(root, chown), has(root, killing), has(root, netAdmin)], [false, true, true]);
    assert.deepEqual([has(privileged, chown), has(privileged, netAdmin)], [true, true]);
  });

  test('that must not run as root, with an image that does, is refused with the reason', async () => {
    await create(
      cluster,
      podManifest('not-root', { securityContext: { runAsNonRoot: true }, containers: [script('id')] }),
    );
    const pod = await watch.until(
      'not-root',
      'it says why',
      (one) => statusOf(one)?.state?.waiting?.message !== undefined,
    );
    const { reason, message } = statusOf(pod)?.state?.waiting ?? {};
    assert.equal(reason, 'CreateContainerConfigError');
    assert.match(message ?? '', /container has runAsNonRoot and image will run as root/);
    await cluster.mustKubectl('delete', 'pod', 'not-root');
  });

  test('has its limits and requests in the files of its cgroup, under the class of its pod', async () => {
    const resources = { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '500m', memory: '64Mi' } };
    const same = { cpu: '100m', memory: '32Mi' };
    await create(
      cluster,
      podManifest('limits-burstable', { containers: [script(forever, { resources })] }),
      podManifest('limits-guaranteed', { containers: [script(forever, { resources: { limits: same } })] }),
      podManifest('limits-none', { containers: [script(forever)] }),
    );
    const [burstable, guaranteed, bestEffort] = await Promise.all(
      ['limits-burstable', 'limits-guaranteed', 'limits-none'].map((name) => watch.ready(name)),
    );
    const classes = [burstable, guaranteed, bestEffort].map((pod) => pod?.status?.qosClass);
    assert.deepEqual(classes, ['Burstable', 'Guaranteed', 'BestEffort']);
    const [pid] = containerProcesses(burstable?.metadata?.uid ?? '');
    const cgroup = new Cgroup(pid ?? 0);
    assert.equal(cgroup.read('memory', 'memory.limit_in_bytes', 'memory.max'), String(64 * 1024 * 1024));
    assert.match(cgroup.read('cpu', 'cpu.cfs_quota_us', 'cpu.max'), /^50000\b/);
    if (cgroup.isV1) assert.equal(cgroup.read('cpu', 'cpu.shares', ''), '102');
    assert.match(cgroup.path('memory'), /\/kubepods\/burstable\/pod/);
    const places = [guaranteed, bestEffort].map((pod) =>
      new Cgroup(containerProcesses(pod?.metadata?.uid ?? '')[0] ?? 0).path('memory'),
    );
    assert.match(places[0] ?? '', /\/kubepods\/pod/);
    assert.match(places[1] ?? '', /\/kubepods\/besteffort\/pod/);
    await cluster.mustKubectl('delete', 'pod', 'limits-burstable', 'limits-guaranteed', 'limits-none');
  });

  test('knows its name, its neighbours’ names and its resolver', async () => {
    const text = await output('names', {
      hostname: 'called',
      hostAliases: [{ ip: '192.0.2.7', hostnames: ['far', 'away'] }],
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['192.0.2.53'], searches: ['example.org'], options: [{ name: 'ndots', value: '3' }] },
      containers: [script('hostname; cat /etc/resolv.conf /etc/hosts')],
    });
    const podIp = watch.history('names').at(-1)?.status?.podIP ?? '';
    assert.match(text, /^called\n/);
    assert.match(text, /^nameserver 192\.0\.2\.53$/m);
    assert.match(text, /^search example\.org$/m);
    assert.match(text, /^options ndots:3$/m);
    assert.match(text, /^192\.0\.2\.7\s+far\s+away$/m);
    assert.match(text, new RegExp(`^${podIp.replaceAll('.', '\\.')}\\s+called$`, 'm'));
  });

  test('is on the machine’s own network with hostNetwork, under the machine’s own name and address', async () => {
    const text = await output('host-network', {
      hostNetwork: true,
      containers: [
        script('hostname; ls /sys/class/net; echo $IP', {
          env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } }],
        }),
      ],
    });
    const pod = watch.history('host-network').at(-1);
    const node = await cluster.json<Node>('get', 'node', pod?.spec?.nodeName ?? '');
    const address = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
    assert.deepEqual([pod?.status?.podIP, pod?.status?.hostIP], [address, address]);
    // Cables of pods come and go.
    const interfaces = Object.keys(os.networkInterfaces()).filter((name) => !name.startsWith('veth'));
    for (const name of [os.hostname(), ...interfaces, address ?? ''])
      assert.ok(text.split('\n').includes(name), `${name} in ${text}`);
  });

  test('sees the processes of its pod where they are shared, and only its own where not', async () => {
    const neighbour = script('exec sleep 12345');
    const look = script('until ps -o args | grep -q "^sleep 12345"; do sleep 0.1; done; echo seen');
    await create(cluster, podManifest('together', { shareProcessNamespace: true, containers: [look, neighbour] }));
    await watch.until('together', 'one sees the other', (pod) => statusOf(pod, 'app')?.state?.terminated !== undefined);
    assert.equal(await cluster.mustKubectl('logs', 'together', '-c', 'app'), 'seen\n');
    await cluster.mustKubectl('delete', 'pod', 'together');
    assert.match(await output('alone', { containers: [script('echo I am $$$$')] }), /^I am 1\n$/);
  });

  test('leaves a termination message: what it wrote, or the end of its log', async () => {
    const fallback = { terminationMessagePolicy: 'FallbackToLogsOnError' } as const;
    await create(
      cluster,
      podManifest('last-words', {
        containers: [
          script('echo noise; echo -n it was fine > /dev/termination-log'),
          script('echo it went wrong; exit 3', fallback),
        ],
      }),
    );
    const pod = await watch.ended('last-words');
    const words = ['app', 'app-2'].map((name) => statusOf(pod, name)?.state?.terminated);
    assert.deepEqual(
      words.map((terminated) => [terminated?.exitCode, terminated?.message]),
      [
        [0, 'it was fine'],
        [3, 'it went wrong\n'],
      ],
    );
  });

  test('serves HTTP to the machine from a packed Node.js program, and is Ready as its probes say', async () => {
    const program = path.join(files, 'server.js');
    writeFileSync(program, serverProgram);
    const node = process.execPath;
    const pack = ['image', 'pack', node, '--file', `${program}:/app/server.js`, '--name', 'test/server:1'];
    await cluster.mustNaru(...pack, '--entrypoint', node, '/app/server.js');
    const port = 8080;
    const probe = { periodSeconds: 1, failureThreshold: 2 };
    await create(
      cluster,
      podManifest('server', {
        restartPolicy: 'Always',
        containers: [
          {
            image: 'test/server:1',
            ports: [{ name: 'web', containerPort: port }],
            env: [
              { name: 'PORT', value: String(port) },
              { name: 'WHO', value: 'a pod' },
            ],
            startupProbe: { tcpSocket: { port }, periodSeconds: 1, failureThreshold: 60 },
            livenessProbe: { tcpSocket: { port: 'web' }, ...probe },
            readinessProbe: { httpGet: { path: '/ready', port: 'web' }, ...probe },
          },
        ],
      }),
    );
    const pod = await watch.ready('server');
    const get = async (what: string): Promise<string> =>
      (await fetch(`http://${pod.status?.podIP}:${port}${what}`)).text();
    assert.equal(await get('/'), 'hello from a pod');
    await get('/break');
    const broken = await watch.until('server', 'it is not Ready', (one) => condition(one, 'Ready')?.status === 'False');
    assert.equal(condition(broken, 'ContainersReady')?.reason, 'ContainersNotReady');
    const complaint = 'Readiness probe failed: HTTP probe failed with statuscode: 503';
    await eventually('an event that says so', async () =>
      (await eventsOf(cluster, 'server')).some(
        ({ reason, message }) => reason === 'Unhealthy' && message === complaint,
      ),
    );
    await get('/mend');
    const mended = await watch.ready('server');
    assert.equal(statusOf(mended)?.restartCount, 0, 'it is not restarted for its readiness');
    await cluster.mustKubectl('delete', 'pod', 'server');
  });
});

/** The cgroup of a process, on v1 and v2. */
class Cgroup {
  readonly #lines: readonly string[];
  readonly isV1: boolean;

  constructor(pid: number) {
    this.#lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
    this.isV1 = this.#lines.some((line) => /:memory:/.test(line));
  }

  path(controller: string): string {
    const line = this.#lines.find((one) =>
      this.isV1 ? one.split(':')[1]?.split(',').includes(controller) : one.startsWith('0::'),
    );
    return line?.split(':').slice(2).join(':') ?? '';
  }

  read(controller: string, v1File: string, v2File: string): string {
    const file = this.isV1
      ? path.join(controller, this.path(controller), v1File)
      : path.join(this.path(controller), v2File);
    return readFileSync(path.join('/sys/fs/cgroup', file), 'utf8').trim();
  }
}
