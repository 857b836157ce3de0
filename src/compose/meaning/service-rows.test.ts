/** What each key of a service becomes: a row each. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMap, type Tree } from '../loading/tree.ts';
import { serviceKeys } from '../service-keys.ts';
import { type Translated, translated } from '../testing.ts';

type Look = (seen: Translated) => unknown;

const container: Look = (seen) => seen.container();
const pod: Look = (seen) => seen.pod();
const template: Look = (seen) => seen.template();
const deployment: Look = (seen) => seen.object('Deployment', 'web');
const notes: Look = (seen) => ({ notes: seen.notes });

/** The key's own name first; what stands in the service; where to look; what must be there. */
type Row = readonly [string, string, Look, Tree];

const more = {
  rest: 'volumes: {data: {}}\nnetworks: {back: {}}\nconfigs: {conf: {content: hello}}\nsecrets: {key: {content: x, environment: KEY}}',
};

const rows: readonly Row[] = [
  ['image', 'image: a/b:1', container, { name: 'web', image: 'a/b:1', imagePullPolicy: 'IfNotPresent' }],
  ['pull_policy', 'pull_policy: always', container, { imagePullPolicy: 'Always' }],
  [
    'pull_policy',
    'pull_policy: daily',
    notes,
    { notes: ['services.web.pull_policy: daily is not carried over: an image is pulled where it is missing'] },
  ],
  ['command', 'command: echo "a b" \'$$HOME\'', container, { args: ['echo', 'a b', '$HOME'] }],
  ['command', 'command: [echo, "$$(A)", "$$$$"]', container, { args: ['echo', '$$(A)', '$$$'] }],
  ['entrypoint', 'entrypoint: /bin/run --fast', container, { command: ['/bin/run', '--fast'] }],
  [
    'entrypoint',
    'entrypoint: []',
    notes,
    { notes: ["services.web.entrypoint: empty, which Kubernetes takes for the image's own"] },
  ],
  ['working_dir', 'working_dir: /app', container, { workingDir: '/app' }],
  [
    'environment',
    'environment: {A: 1, B: "x$$(A)", C: true, D: }',
    container,
    {
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: 'x$$(A)' },
        { name: 'C', value: 'true' },
      ],
    },
  ],
  ['env_file', 'env_file: a.env', container, { env: [{ name: 'FROM', value: 'file' }] }],
  [
    'expose',
    'expose: [3000, "4000-4001/udp"]',
    container,
    {
      ports: [
        { containerPort: 3000, protocol: 'TCP' },
        { containerPort: 4000, protocol: 'UDP' },
        { containerPort: 4001, protocol: 'UDP' },
      ],
    },
  ],
  [
    'ports',
    'ports: ["127.0.0.1:9229:9229"]',
    container,
    { ports: [{ containerPort: 9229, hostPort: 9229, hostIP: '127.0.0.1', protocol: 'TCP' }] },
  ],
  [
    'ports',
    'ports: [{target: 80, published: 8080, mode: host}]',
    deployment,
    { spec: { strategy: { type: 'Recreate' } } },
  ],
  ['tty', 'tty: true', container, { tty: true }],
  ['stdin_open', 'stdin_open: "yes"', container, { stdin: true }],
  [
    'healthcheck',
    'healthcheck: {test: [CMD, curl, localhost]}',
    container,
    {
      readinessProbe: {
        exec: { command: ['curl', 'localhost'] },
        periodSeconds: 30,
        timeoutSeconds: 30,
        failureThreshold: 3,
      },
    },
  ],
  [
    'healthcheck',
    'healthcheck: {test: "exit 0", interval: 1m30s, timeout: 500ms, retries: 5}',
    container,
    {
      readinessProbe: {
        exec: { command: ['/bin/sh', '-c', 'exit 0'] },
        periodSeconds: 90,
        timeoutSeconds: 1,
        failureThreshold: 5,
      },
    },
  ],
  [
    'healthcheck',
    'healthcheck: {test: [CMD, a], start_period: 1m}',
    container,
    {
      startupProbe: { exec: { command: ['a'] }, periodSeconds: 5, failureThreshold: 2147483647 },
      readinessProbe: { periodSeconds: 30 },
    },
  ],
  [
    'healthcheck',
    'healthcheck: {disable: true, test: [CMD, a]}',
    container,
    { readinessProbe: undefined as never, livenessProbe: undefined as never },
  ],
  [
    'post_start',
    'post_start: [{command: [a, b]}]',
    container,
    { lifecycle: { postStart: { exec: { command: ['a', 'b'] } } } },
  ],
  [
    'pre_stop',
    'pre_stop: [{command: a b, working_dir: /x, environment: [K=a b]}, {command: c}]',
    container,
    { lifecycle: { preStop: { exec: { command: ['/bin/sh', '-c', "(cd /x && env 'K=a b' a b) && (c)"] } } } },
  ],
  ['privileged', 'privileged: true', container, { securityContext: { privileged: true } }],
  ['read_only', 'read_only: true', container, { securityContext: { readOnlyRootFilesystem: true } }],
  [
    'cap_add',
    'cap_add: [CAP_NET_ADMIN, sys_time]',
    container,
    { securityContext: { capabilities: { add: ['NET_ADMIN', 'SYS_TIME'] } } },
  ],
  ['cap_drop', 'cap_drop: [ALL]', container, { securityContext: { capabilities: { drop: ['ALL'] } } }],
  [
    'security_opt',
    'security_opt: ["no-new-privileges:true", "seccomp:unconfined", "apparmor=unconfined", "label:type:t"]',
    container,
    {
      securityContext: {
        allowPrivilegeEscalation: false,
        seccompProfile: { type: 'Unconfined' },
        appArmorProfile: { type: 'Unconfined' },
        seLinuxOptions: { type: 't' },
      },
    },
  ],
  [
    'security_opt',
    'security_opt: ["systempaths=unconfined"]',
    notes,
    {
      notes: [
        "services.web.security_opt: systempaths=unconfined is not carried over: a pod's securityContext has no such wish",
      ],
    },
  ],
  ['user', 'user: "1000:1001"', container, { securityContext: { runAsUser: 1000, runAsGroup: 1001 } }],
  [
    'user',
    'user: node',
    notes,
    {
      notes: [
        "services.web.user: node is a name: Kubernetes takes numbers only, so the image's own user runs; write its number",
      ],
    },
  ],
  ['cpus', 'cpus: 0.5', container, { resources: { limits: { cpu: '500m' }, requests: { cpu: '0' } } }],
  ['cpu_count', 'cpu_count: 2', container, { resources: { limits: { cpu: '2' } } }],
  ['cpu_quota', 'cpu_quota: 50000', container, { resources: { limits: { cpu: '500m' } } }],
  ['cpu_period', 'cpu_quota: 50000\ncpu_period: 25000', container, { resources: { limits: { cpu: '2' } } }],
  ['cpu_shares', 'cpu_shares: 512', container, { resources: { requests: { cpu: '500m' } } }],
  [
    'mem_limit',
    'mem_limit: 512m',
    container,
    { resources: { limits: { memory: '512Mi' }, requests: { memory: '0' } } },
  ],
  ['mem_reservation', 'mem_reservation: 1gb', container, { resources: { requests: { memory: '1Gi' } } }],
  ['gpus', 'gpus: all', container, { resources: { limits: { 'nvidia.com/gpu': '1' } } }],
  ['gpus', 'gpus: [{driver: amd, count: 2}]', container, { resources: { limits: { 'amd.com/gpu': '2' } } }],
  ['shm_size', 'shm_size: 64m', pod, { volumes: [{ name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } }] }],
  [
    'tmpfs',
    'tmpfs: "/run:size=1g,mode=1777"',
    pod,
    { volumes: [{ name: 'tmpfs', emptyDir: { medium: 'Memory', sizeLimit: '1Gi' } }] },
  ],
  [
    'volumes',
    'volumes: ["data:/data:ro"]',
    container,
    { volumeMounts: [{ name: 'data', mountPath: '/data', readOnly: true }] },
  ],
  [
    'volumes',
    'volumes: ["data:/data"]',
    pod,
    { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'shop-data' } }] },
  ],
  [
    'volumes',
    'volumes: ["./conf/app.conf:/etc/app.conf", "./new:/new"]',
    pod,
    {
      volumes: [
        { name: 'bind', hostPath: { path: '/shop/conf/app.conf', type: 'File' } },
        { name: 'bind-2', hostPath: { path: '/shop/new', type: 'DirectoryOrCreate' } },
      ],
    },
  ],
  ['volumes', 'volumes: [/scratch]', pod, { volumes: [{ name: 'scratch', emptyDir: {} }] }],
  [
    'volumes',
    'volumes: [{type: image, source: "a:1", target: /a, image: {subpath: x}}]',
    pod,
    { volumes: [{ name: 'image', image: { reference: 'a:1' } }] },
  ],
  [
    'volumes',
    'volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1024}}]',
    pod,
    { volumes: [{ name: 'tmpfs', emptyDir: { medium: 'Memory', sizeLimit: '1Ki' } }] },
  ],
  [
    'volumes',
    'volumes: [{type: bind, source: /srv, target: /srv, bind: {propagation: rslave, create_host_path: false}}]',
    container,
    { volumeMounts: [{ mountPropagation: 'HostToContainer' }] },
  ],
  [
    'volumes_from',
    'volumes_from: ["db:ro"]',
    container,
    { volumeMounts: [{ name: 'data', mountPath: '/var/db', readOnly: true }] },
  ],
  [
    'configs',
    'configs: [conf]',
    container,
    { volumeMounts: [{ name: 'config-conf', mountPath: '/conf', subPath: 'conf', readOnly: true }] },
  ],
  [
    'configs',
    'configs: [{source: conf, target: /etc/x, mode: 0440}]',
    pod,
    { volumes: [{ configMap: { name: 'shop-conf', items: [{ key: 'conf', path: 'conf', mode: 0o440 }] } }] },
  ],
  [
    'secrets',
    'secrets: [key]',
    container,
    { volumeMounts: [{ name: 'secret-key', mountPath: '/run/secrets/key', subPath: 'key', readOnly: true }] },
  ],
  ['secrets', 'secrets: [key]', deployment, { metadata: { annotations: { 'naru.io/reload': 'true' } } }],
  ['labels', 'labels: [a.b=c, d]', template, { metadata: { annotations: { 'a.b': 'c', d: '' } } }],
  ['label_file', 'label_file: a.labels', template, { metadata: { annotations: { from: 'file' } } }],
  ['annotations', 'annotations: {x: "1"}', template, { metadata: { annotations: { x: '1' } } }],
  ['hostname', 'hostname: me', pod, { hostname: 'me' }],
  [
    'extra_hosts',
    'extra_hosts: ["a=10.0.0.1", "b:10.0.0.1", "c:[::1]"]',
    pod,
    {
      hostAliases: [
        { ip: '10.0.0.1', hostnames: ['a', 'b'] },
        { ip: '::1', hostnames: ['c'] },
      ],
    },
  ],
  [
    'extra_hosts',
    'extra_hosts: ["host.docker.internal:host-gateway"]',
    notes,
    {
      notes: [
        "services.web.extra_hosts: host.docker.internal: host-gateway is not carried over: a pod's machine is one of many; name an address",
      ],
    },
  ],
  ['dns', 'dns: 8.8.8.8', pod, { dnsConfig: { nameservers: ['8.8.8.8'] } }],
  ['dns_search', 'dns_search: example.com', pod, { dnsConfig: { searches: ['example.com'] } }],
  [
    'dns_opt',
    'dns_opt: ["ndots:2", use-vc]',
    pod,
    { dnsConfig: { options: [{ name: 'ndots', value: '2' }, { name: 'use-vc' }] } },
  ],
  ['network_mode', 'network_mode: host', pod, { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }],
  [
    'network_mode',
    'network_mode: container:x',
    notes,
    { notes: ['services.web.network_mode: container:x is not carried over'] },
  ],
  ['pid', 'pid: host', pod, { hostPID: true }],
  ['ipc', 'ipc: host', pod, { hostIPC: true }],
  ['userns_mode', 'userns_mode: host', pod, { hostUsers: true }],
  ['init', 'init: true', pod, { shareProcessNamespace: true }],
  ['group_add', 'group_add: [2000, "2001"]', pod, { securityContext: { supplementalGroups: [2000, 2001] } }],
  [
    'sysctls',
    'sysctls: {net.core.somaxconn: 1024}',
    notes,
    {
      notes: [
        "services.web.sysctls: net.core.somaxconn is not carried over: nodes refuse pods with it, unless allowedUnsafeSysctls of their kubelet configuration names it; it keeps the kernel's usual value",
      ],
    },
  ],
  [
    'sysctls',
    'network_mode: host\nsysctls: [net.ipv4.tcp_syncookies=1]',
    notes,
    { notes: ["services.web.sysctls: net.ipv4.tcp_syncookies is not carried over: it would be the whole machine's"] },
  ],
  [
    'sysctls',
    'sysctls: [net.ipv4.tcp_syncookies=1]',
    pod,
    { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] } },
  ],
  ['stop_grace_period', 'stop_grace_period: 1m', pod, { terminationGracePeriodSeconds: 60 }],
  ['runtime', 'runtime: gvisor', pod, { runtimeClassName: 'gvisor' }],
  [
    'platform',
    'platform: linux/arm64/v8',
    pod,
    { nodeSelector: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'arm64' } },
  ],
  ['scale', 'scale: 3', deployment, { spec: { replicas: 3 } }],
  [
    'restart',
    'restart: on-failure',
    notes,
    {
      notes: [
        'services.web.restart: on-failure is not carried over: its pods are always restarted, also after success',
      ],
    },
  ],
  ['depends_on', 'depends_on: [db]', pod, { schedulingGates: [{ name: 'naru.io/depends-on' }] }],
  [
    'depends_on',
    'depends_on: {db: {condition: service_started, required: false}}',
    template,
    {
      metadata: {
        annotations: { 'naru.io/depends-on': '[{"service":"db","condition":"service_started","required":false}]' },
      },
    },
  ],
  [
    'links',
    'links: ["db:database"]',
    (seen) => seen.service('database'),
    { spec: { clusterIP: 'None', selector: { 'app.kubernetes.io/name': 'db' } } },
  ],
  [
    'container_name',
    'container_name: the-web',
    (seen) => seen.service('the-web'),
    { spec: { clusterIP: 'None', selector: { 'app.kubernetes.io/name': 'web' } } },
  ],
  [
    'networks',
    'networks: {back: {aliases: [other]}}',
    (seen) => seen.service('other'),
    { spec: { selector: { 'app.kubernetes.io/name': 'web' } } },
  ],
  [
    'build',
    'build: ./app',
    (seen) => ({ name: seen.images[0]?.name === seen.container().image, context: seen.images[0]?.context ?? '' }),
    { name: true, context: '/shop/app' },
  ],
  ['extends', 'extends: db', container, { image: 'db:1' }],
  [
    'profiles',
    'profiles: [none]',
    notes,
    { notes: ['services.web: left out; it is for the profile none (--profile none)'] },
  ],
  [
    'deploy',
    'deploy: {replicas: 2, labels: {a: b}}',
    deployment,
    { metadata: { annotations: { a: 'b' } }, spec: { replicas: 2 } },
  ],
];

const files = {
  'a.env': 'FROM=file',
  'a.labels': 'from=file',
  'conf/app.conf': 'x',
  'app/Dockerfile': 'FROM scratch',
  keyfile: 'k',
};
const others = more.rest.replace('{content: x, environment: KEY}', '{file: ./keyfile}');

/** Whether all that is expected is there; arrays entry by entry. */
function holds(actual: unknown, expected: unknown): boolean {
  if (Array.isArray(expected)) {
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((each, index) => holds(actual[index], each))
    );
  }
  if (isMap(expected as Tree)) {
    const found = actual as Readonly<Record<string, unknown>> | undefined;
    return Object.entries(expected as object).every(([key, value]) => holds(found?.[key], value));
  }
  return actual === expected;
}

for (const [key, body, look, expected] of rows) {
  test(`${key}: ${body.replaceAll('\n', ', ')}`, async () => {
    const db = '  db:\n    image: db:1\n    volumes: ["data:/var/db"]\n';
    const image =
      key === 'extends' ? '' : body.startsWith('image') || body.startsWith('build') ? '' : 'image: example/web:1\n';
    const seen = await translated(
      body.startsWith('extends') ? `extends: db\nimage: db:1` : image + body,
      `${db}${others}`,
      files,
    );
    const actual = look(seen);
    assert.ok(holds(actual, expected), `${JSON.stringify(actual, null, 1)} should hold ${JSON.stringify(expected)}`);
  });
}

test('each key of a service that is kept stands in a row', () => {
  const covered = new Set(rows.map(([key]) => key));
  const kept = Object.entries(serviceKeys).filter(([, { fate }]) => 'kept' in fate);
  assert.deepEqual(
    kept.map(([key]) => key).filter((key) => !covered.has(key)),
    [],
  );
});
