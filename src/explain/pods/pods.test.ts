/** Pods in trouble: each row a pod as the cluster shows it, the chain of findings, and words that must be told. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import { ago, chainOf, findingsOf, make, object, ownedBy, status } from '../testing.ts';

interface Row {
  readonly name: string;
  readonly objects: readonly KubeObject[];
  readonly logs?: Readonly<Record<string, readonly string[]>>;
  readonly codes: string;
  readonly tells: readonly RegExp[];
}

const wants = (spec: object): KubeObject =>
  make.pod('web-1', { spec: { ...spec }, status: make.unschedulable('0/1 nodes are available: 1 no.') });
const asks = (requests: object): object => ({ containers: [{ name: 'web', image: 'x', resources: { requests } }] });
const waiting = (reason: string, message: string, more: object = {}): KubeObject =>
  make.pod('web-1', { spec: { nodeName: 'n1' }, status: make.waiting(reason, message, { ...more }) });
const crashed = (terminated: object, { spec = {}, ...more }: { spec?: object } & object = {}): KubeObject =>
  make.pod('web-1', {
    spec: { nodeName: 'n1', ...spec },
    status: {
      phase: 'Running',
      containerStatuses: [
        status(
          'web',
          { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
          { restartCount: 4, lastState: { terminated: { finishedAt: ago(20), ...terminated } }, ...more },
        ),
      ],
    },
  });
const running = (spec: object, more: object = {}): KubeObject =>
  make.pod('web-1', {
    spec: { nodeName: 'n1', containers: [{ name: 'web', image: 'x', ...spec }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'False' }],
      containerStatuses: [status('web', { running: { startedAt: ago(60) } }, { started: true, ...more })],
    },
  });
const probe = { readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 5 } };
const setting = (kind: 'ConfigMap' | 'Secret', name: string, keys: readonly string[]): KubeObject =>
  object({ apiVersion: 'v1', kind, metadata: { name }, data: Object.fromEntries(keys.map((key) => [key, 'eA=='])) });
const named = {
  containers: [
    {
      name: 'web',
      image: 'x',
      env: [{ name: 'URL', valueFrom: { configMapKeyRef: { name: 'settings', key: 'url' } } }],
    },
  ],
  nodeName: 'n1',
};
const configError = make.pod('web-1', {
  spec: named,
  status: make.waiting('CreateContainerConfigError', 'configmap "settings" not found'),
});
const claim = (spec: object, phase = 'Pending'): KubeObject =>
  object({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
    status: { phase },
  });
const claims = { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] };
const unready = running(probe);
const started = running({ startupProbe: { tcpSocket: { port: 5432 } } }, { started: false });
const probed = crashed(
  { exitCode: 137, reason: 'Error' },
  { spec: { containers: [{ name: 'web', image: 'x', livenessProbe: { httpGet: { path: '/alive', port: 80 } } }] } },
);
const dependent = make.pod('web-1', {
  annotations: { 'naru.io/depends-on': '[{"service":"db","condition":"service_healthy"}]' },
  spec: { schedulingGates: [{ name: 'naru.io/depends-on' }] },
});
const database = object({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db' },
  spec: { replicas: 1, selector: {}, serviceName: 'db', template: {} },
  status: {},
});

const rows: readonly Row[] = [
  { name: 'no node at all', objects: [wants({})], codes: 'NoNodes', tells: [/naru token create/] },
  {
    name: 'more cpu than any node has',
    objects: [wants(asks({ cpu: '8' })), make.node('n1')],
    codes: 'NoRoom',
    tells: [
      /there is no room for it: n1: 2 CPU is free of 2 CPU, and the pod asks for 8 CPU: 6 CPU short/,
      /even fit on an empty node/,
    ],
  },
  {
    name: 'less memory free than asked for',
    objects: [
      wants(asks({ memory: '3Gi' })),
      make.node('n1'),
      make.ready('other', { spec: asks({ memory: '2Gi' }) as never }),
    ],
    codes: 'NoRoom',
    tells: [
      /2Gi of memory is free of 4Gi of memory, and the pod asks for 3Gi of memory: 1Gi of memory short/,
      /scale something else down/,
    ],
  },
  {
    name: 'labels that no node has',
    objects: [wants({ nodeSelector: { disk: 'ssd' } }), make.node('n1', { labels: { disk: 'hdd' } })],
    codes: 'NoNodeMatches',
    tells: [/disk=ssd/, /the label disk is hdd on the nodes/, /naru label node\/n1 disk=ssd/],
  },
  {
    name: 'a taint',
    objects: [wants({}), make.node('n1', { spec: { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } })],
    codes: 'TaintNotTolerated',
    tells: [/taint gpu=yes:NoSchedule/, /toleration for gpu/],
  },
  {
    name: 'a cordoned node',
    objects: [wants({}), make.node('n1', { spec: { unschedulable: true } })],
    codes: 'NodesUnavailable',
    tells: [/n1: is cordoned/, /naru node uncordon n1/],
  },
  {
    name: 'nodes that are away lead to the node',
    objects: [
      wants({}),
      make.node('n1', {
        ready: 'Unknown',
        spec: { taints: [{ key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' }] },
      }),
    ],
    codes: 'NodesUnavailable > NodeSilent',
    tells: [/has not answered for 6 min/, /naru node remove n1 --force/],
  },
  {
    name: 'a port of the machine that is taken',
    objects: [
      wants({ containers: [{ name: 'web', image: 'x', ports: [{ containerPort: 80, hostPort: 80 }] }] }),
      make.node('n1'),
      make.ready('front', {
        spec: { containers: [{ name: 'web', image: 'x', ports: [{ containerPort: 80, hostPort: 80 }] }] },
      }),
    ],
    codes: 'HostPortTaken',
    tells: [/its port 80 is taken by pod shop\/front/],
  },
  {
    name: 'topology spread, in the scheduler’s words',
    objects: [
      make.pod('web-1', {
        status: make.unschedulable("0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints."),
      }),
      make.node('n1'),
    ],
    codes: 'TopologySpread',
    tells: [/maxSkew/],
  },
  {
    name: 'a claim that is missing',
    objects: [wants(claims), make.node('n1')],
    codes: 'VolumeNotReady > ClaimMissing',
    tells: [/no PersistentVolumeClaim "data"/],
  },
  {
    name: 'a claim whose class is missing',
    objects: [wants(claims), claim({ storageClassName: 'fast' }), make.node('n1')],
    codes: 'VolumeNotReady > StorageClassMissing',
    tells: [/no StorageClass "fast"/],
  },
  {
    name: 'a gate of somebody',
    objects: [make.pod('web-1', { spec: { schedulingGates: [{ name: 'example.com/budget' }] } })],
    codes: 'SchedulingGated',
    tells: [/example.com\/budget/],
  },
  {
    name: 'a gate of dependencies names what it waits for',
    objects: [dependent, database],
    codes: 'WaitsForDependency',
    tells: [/db \(healthy\)/],
  },
  {
    name: 'a dependency that does not exist',
    objects: [dependent],
    codes: 'WaitsForDependency > DependencyMissing',
    tells: [/no workload "db"/],
  },
  {
    name: 'a scheduler that nobody runs',
    objects: [make.pod('web-1', { spec: { schedulerName: 'mine' } })],
    codes: 'SchedulerMissing',
    tells: [/"mine"/],
  },

  {
    name: 'a tag that the registry does not know',
    objects: [
      waiting(
        'ImagePullBackOff',
        'Back-off pulling image "shop/web:1": ErrImagePull: failed to resolve reference "docker.io/shop/web:1": docker.io/shop/web:1: not found',
      ),
    ],
    codes: 'ImageNotFound',
    tells: [/docker\.io knows no image shop\/web:1/, /naru image import/],
  },
  {
    name: 'a registry that is away',
    objects: [
      waiting(
        'ErrImagePull',
        'failed to do request: Head "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host',
      ),
    ],
    codes: 'RegistryUnreachable',
    tells: [/naru build DIR --name shop\/web:1/, /naru image pack/],
  },
  {
    name: 'no credentials',
    objects: [
      waiting(
        'ErrImagePull',
        'pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials',
      ),
    ],
    codes: 'ImageRightsMissing',
    tells: [/imagePullSecrets/],
  },
  {
    name: 'a pull secret that does not exist',
    objects: [
      make.pod('web-1', {
        spec: { nodeName: 'n1', imagePullSecrets: [{ name: 'regcred' }] },
        status: make.waiting('ErrImagePull', '401 Unauthorized'),
      }),
    ],
    codes: 'ImageRightsMissing',
    tells: [/imagePullSecrets names regcred, which does not exist/, /Create the Secret regcred/],
  },
  {
    name: 'the limit of pulls',
    objects: [
      waiting('ErrImagePull', '429 Too Many Requests - toomanyrequests: You have reached your pull rate limit'),
    ],
    codes: 'RegistryRateLimit',
    tells: [/sign in/],
  },
  {
    name: 'a registry without TLS',
    objects: [waiting('ErrImagePull', 'http: server gave HTTP response to HTTPS client')],
    codes: 'RegistryPlainHttp',
    tells: [/plainHttp: true/],
  },
  {
    name: 'an image that must be here and is not',
    objects: [waiting('ErrImageNeverPull', 'Container image "shop/web:1" is not present with pull policy of Never')],
    codes: 'ImageNotHere',
    tells: [/naru image list/],
  },
  {
    name: 'a name that is none',
    objects: [waiting('InvalidImageName', `Failed to apply default image tag "A B": couldn't parse image name`)],
    codes: 'ImageNameInvalid',
    tells: [/no name of an image/],
  },

  {
    name: 'a ConfigMap that is missing, and one of nearly that name',
    objects: [configError, setting('ConfigMap', 'setting', ['url'])],
    codes: 'ConfigMapMissing',
    tells: [/no ConfigMap "settings" in namespace shop; did you mean "setting"\?/, /env URL of container "web"/],
  },
  {
    name: 'a key that is missing',
    objects: [configError, setting('ConfigMap', 'settings', ['uri'])],
    codes: 'ConfigMapKeyMissing',
    tells: [/no key "url"; did you mean "uri"/],
  },
  {
    name: 'a Secret that a volume needs',
    objects: [
      make.pod('web-1', {
        spec: { nodeName: 'n1', volumes: [{ name: 'keys', secret: { secretName: 'keys' } }] },
        status: make.waiting('ContainerCreating', ''),
      }),
    ],
    codes: 'SecretMissing',
    tells: [/volume "keys"/],
  },
  {
    name: 'a program that the image does not have',
    objects: [waiting('RunContainerError', 'exec: "srever": executable file not found in $PATH: unknown')],
    codes: 'CommandNotFound',
    tells: [/"srever" is not in the image/],
  },
  {
    name: 'a program that may not be run',
    objects: [waiting('RunContainerError', 'exec: "/app/run": permission denied: unknown')],
    codes: 'CommandNotAllowed',
    tells: [/chmod \+x/],
  },

  {
    name: 'a crash, with its last words',
    objects: [crashed({ exitCode: 1, reason: 'Error' })],
    logs: { 'web-1/web': ['Error: no database'] },
    codes: 'Crash',
    tells: [
      /exit code 1 \(an error of the program itself\)/,
      /\| Error: no database/,
      /restarted 4 times/,
      /naru logs pod\/web-1 -n shop -c web --previous/,
    ],
  },
  { name: 'a signal', objects: [crashed({ exitCode: 139, reason: 'Error' })], codes: 'Crash', tells: [/SIGSEGV/] },
  {
    name: 'too much memory',
    objects: [
      crashed(
        { exitCode: 137, reason: 'OOMKilled' },
        { spec: { containers: [{ name: 'web', image: 'x', resources: { limits: { memory: '64Mi' } } }] } },
      ),
    ],
    codes: 'OutOfMemory',
    tells: [/more memory than its limit of 64Mi/],
  },
  {
    name: 'killed for its probe',
    objects: [
      probed,
      make.event(probed, 'Killing', 'Container web failed liveness probe, will be restarted', 'Normal'),
    ],
    codes: 'KilledByProbe',
    tells: [/liveness probe fails \(GET :80\/alive, every 10 s\)/],
  },
  {
    name: 'a program that ends by itself',
    objects: [crashed({ exitCode: 0, reason: 'Completed' })],
    codes: 'EndsByItself',
    tells: [/stay in the foreground/],
  },
  {
    name: 'a command not found by a shell',
    objects: [crashed({ exitCode: 127, reason: 'Error' })],
    logs: { 'web-1/web': ['sh: srever: not found'] },
    codes: 'CommandNotFound',
    tells: [/srever: not found/],
  },
  {
    name: 'an init container that fails',
    objects: [
      make.pod('web-1', {
        spec: { nodeName: 'n1', initContainers: [{ name: 'migrate', image: 'x' }] },
        status: {
          initContainerStatuses: [
            status(
              'migrate',
              { waiting: { reason: 'CrashLoopBackOff' } },
              { restartCount: 2, lastState: { terminated: { exitCode: 3 } } },
            ),
          ],
          containerStatuses: [status('web', { waiting: { reason: 'PodInitializing' } })],
        },
      }),
    ],
    codes: 'Crash',
    tells: [/init container "migrate" ends with exit code 3/],
  },

  {
    name: 'a readiness probe at a closed port',
    objects: [
      unready,
      make.event(
        unready,
        'Unhealthy',
        'Readiness probe failed: Get "http://10.0.0.1:8080/ready": dial tcp 10.0.0.1:8080: connect: connection refused',
      ),
    ],
    codes: 'ReadinessProbeFails',
    tells: [/GET :8080\/ready, every 5 s\) fails: nobody listens on that port/, /0\.0\.0\.0/],
  },
  {
    name: 'a readiness probe that says no, after the node was stopped once',
    objects: [
      running(probe, {
        restartCount: 1,
        lastState: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', finishedAt: ago(70) } },
      }),
      make.event(unready, 'Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503'),
    ],
    codes: 'ReadinessProbeFails',
    tells: [],
  },
  {
    name: 'a readiness probe that says no',
    objects: [
      unready,
      make.event(unready, 'Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503'),
    ],
    codes: 'ReadinessProbeFails',
    tells: [/answers with an error \(503\)/],
  },
  {
    name: 'a startup probe that waits',
    objects: [started, make.node('n1')],
    codes: 'StartupProbeFails',
    tells: [/a connection to port 5432/],
  },
  {
    name: 'a readiness gate',
    objects: [
      make.pod('web-1', {
        spec: { nodeName: 'n1', readinessGates: [{ conditionType: 'example.com/lb' }] },
        status: { phase: 'Running', containerStatuses: [status('web', { running: {} }, { ready: true })] },
      }),
    ],
    codes: 'ReadinessGateClosed',
    tells: [/nobody has set the condition example.com\/lb/],
  },

  {
    name: 'evicted',
    objects: [
      make.pod('web-1', {
        status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
      }),
    ],
    codes: 'Evicted',
    tells: [/low on resource: memory/],
  },
  {
    name: 'done',
    objects: [make.pod('web-1', { status: { phase: 'Succeeded' } })],
    codes: 'Completed',
    tells: [/done its work/],
  },
  {
    name: 'on a node that is silent',
    objects: [make.ready('web-1'), make.node('n1', { ready: 'Unknown' })],
    codes: 'NodeLost > NodeSilent',
    tells: [/nobody knows how the pod is/],
  },
  {
    name: 'on a node that is gone',
    objects: [make.ready('web-1')],
    codes: 'NodeLost',
    tells: [/does not exist any more/],
  },
  {
    name: 'terminating on a node that is away',
    objects: [
      make.pod('web-1', {
        deletionTimestamp: ago(600),
        deletionGracePeriodSeconds: 30,
        spec: { nodeName: 'n1' },
        status: { phase: 'Running' },
      }),
      make.node('n1', { ready: 'Unknown' }),
    ],
    codes: 'NodeAway > NodeSilent',
    tells: [/only the node can say/, /--grace-period 0 --force/],
  },
  {
    name: 'terminating within its grace',
    objects: [
      make.pod('web-1', {
        deletionTimestamp: ago(-20),
        deletionGracePeriodSeconds: 30,
        spec: { nodeName: 'n1' },
        status: { phase: 'Running' },
      }),
      make.node('n1'),
    ],
    codes: 'EndsGracefully',
    tells: [/20 s left/],
  },
  {
    name: 'terminating, held by a finalizer',
    objects: [make.pod('web-1', { deletionTimestamp: ago(600), finalizers: ['batch.kubernetes.io/job-tracking'] })],
    codes: 'HeldByFinalizer',
    tells: [/Job controller/, /naru release pod\/web-1 -n shop --finalizer batch.kubernetes.io\/job-tracking/],
  },
];

describe('why a pod does not work', () => {
  for (const { name, objects, logs, codes, tells } of rows) {
    test(name, async () => {
      const chain = await chainOf(objects, logs);
      assert.equal(chain.codes, codes, chain.all);
      for (const words of tells) assert.match(chain.all, words);
    });
  }

  test('nothing is said against a pod that is well, and what two pods share is said once', async () => {
    assert.deepEqual(await findingsOf([make.ready('web-1'), make.node('n1')]), []);
    const set = object({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'web' }, spec: { replicas: 2 } });
    const broken = (name: string): KubeObject =>
      make.pod(name, { ...ownedBy(set), spec: { nodeName: 'n1' }, status: make.waiting('ErrImagePull', 'not found') });
    const [first] = await findingsOf([set, broken('a'), broken('b'), make.node('n1')]);
    assert.equal(first?.causes.length, 1);
    assert.equal(first.causes[0]?.others, 1);
  });
});
