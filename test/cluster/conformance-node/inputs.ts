/** Upstream's `expansion.go`, `downwardapi.go`, `kubelet_etc_hosts.go`, `pod_hostnameoverride.go`, and the variables of services in `pods.go`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, EnvVar } from '../../../src/api/schema/types/core-v1.ts';
import { create, forever, isReady, type PodWishes, podManifest, script, statusOf } from '../workload.ts';
import type { GetLab } from './lab.ts';

const value = (name: string, text: string): EnvVar => ({ name, value: text });
const field = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const resource = (name: string, which: string): EnvVar => ({
  name,
  valueFrom: { resourceFieldRef: { resource: which } },
});

const env = [value('TEST_VAR', 'test-value')];
const printed = 'TEST_VAR=wrong echo "$(TEST_VAR)"';
const resources = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } };

const outputs: readonly (readonly [
  name: string,
  container: Partial<Container>,
  lines: readonly RegExp[],
  pod?: PodWishes,
])[] = [
  [
    'Variable Expansion: should allow composing env vars into new env vars',
    script('env', { env: [value('FOO', 'foo-value'), value('BAR', 'bar-value'), value('FOOBAR', '$(FOO);;$(BAR)')] }),
    [/^FOO=foo-value$/m, /^BAR=bar-value$/m, /^FOOBAR=foo-value;;bar-value$/m],
  ],
  [
    "Variable Expansion: should allow substituting values in a container's command",
    script(printed, { env }),
    [/^test-value$/m],
  ],
  [
    "Variable Expansion: should allow substituting values in a container's args",
    { command: ['sh', '-c'], args: [printed], env },
    [/^test-value$/m],
  ],
  [
    'Downward API: should provide pod name, namespace, UID and addresses as env vars',
    script('env', {
      env: [
        field('POD_NAME', 'metadata.name'),
        field('POD_NAMESPACE', 'metadata.namespace'),
        field('POD_UID', 'metadata.uid'),
        field('POD_IP', 'status.podIP'),
        field('HOST_IP', 'status.hostIP'),
        field('HOST_IPS', 'status.hostIPs'),
      ],
    }),
    [
      /^POD_NAME=output-\d+$/m,
      /^POD_NAMESPACE=default$/m,
      /^POD_UID=[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/m,
      ...['POD_IP', 'HOST_IP', 'HOST_IPS'].map((name) => new RegExp(`^${name}=\\d+(?:\\.\\d+){3}`, 'm')),
    ],
  ],
  [
    'Downward API: should provide host IP and pod IP as an env var if pod uses host network',
    script('[ "$HOST_IP" = "$POD_IP" ] && echo OK', {
      env: [field('HOST_IP', 'status.hostIP'), field('POD_IP', 'status.podIP')],
    }),
    [/^OK$/m],
    { hostNetwork: true },
  ],
  [
    "Downward API: should provide container's limits.cpu/memory and requests.cpu/memory as env vars",
    script('env', {
      resources,
      env: [
        resource('CPU_LIMIT', 'limits.cpu'),
        resource('MEMORY_LIMIT', 'limits.memory'),
        resource('CPU_REQUEST', 'requests.cpu'),
        resource('MEMORY_REQUEST', 'requests.memory'),
      ],
    }),
    [/^CPU_LIMIT=2$/m, /^MEMORY_LIMIT=67108864$/m, /^CPU_REQUEST=1$/m, /^MEMORY_REQUEST=33554432$/m],
  ],
  [
    'Downward API: should provide default limits.cpu/memory from node allocatable',
    script('env', { env: [resource('CPU_LIMIT', 'limits.cpu'), resource('MEMORY_LIMIT', 'limits.memory')] }),
    [/^CPU_LIMIT=[1-9]/m, /^MEMORY_LIMIT=[1-9]/m],
  ],
  [
    'Kubelet: should write entries to /etc/hosts',
    script('cat /etc/hosts'),
    [/^# Kubernetes-managed hosts file\.$/m, /^123\.45\.67\.89\tfoo\tbar$/m],
    { hostAliases: [{ ip: '123.45.67.89', hostnames: ['foo', 'bar'] }] },
  ],
  ...(
    [
      ['a value that is a DNS subdomain', 'override.example.host', {}],
      ['hostname', 'override-host', { hostname: 'custom-host' }],
      ['subdomain', 'override-host', { subdomain: 't' }],
    ] as const
  ).map(
    ([beside, hostnameOverride, pod]) =>
      [
        `Override hostname of Pod: hostnameOverride holds, with ${beside}`,
        script('echo "$(hostname);$(hostname -f);"'),
        [new RegExp(`^${hostnameOverride};${hostnameOverride};$`, 'm')],
        { ...pod, hostnameOverride },
      ] as const,
  ),
];

const volumes = [{ name: 'workdir', emptyDir: {} }];
const whole = { name: 'workdir', mountPath: '/whole' };
const part = (subPathExpr: string) => ({ name: 'workdir', mountPath: '/part', subPathExpr });

export function inputTests(lab: GetLab): void {
  for (const [index, [title, container, lines, pod]] of outputs.entries()) {
    test(title, async () => {
      const text = await lab().output(`output-${index}`, { ...pod, containers: [container] });
      for (const line of lines) assert.match(text, line);
    });
  }

  test('Override hostname of Pod: what cannot be is refused', async () => {
    const wrong: readonly PodWishes[] = [
      { hostnameOverride: 'override-host', setHostnameAsFQDN: true },
      { hostnameOverride: 'override-host', hostNetwork: true },
      { hostnameOverride: 'Not-RFC1123' },
    ];
    for (const pod of wrong) {
      const input = JSON.stringify(podManifest('wrong-name', { ...pod, containers: [script('true')] }));
      const { code, stderr } = await lab().cluster.kubectl(['create', '-f', '-'], { input });
      assert.ok(code !== 0 && /hostnameOverride|setHostnameAsFQDN/i.test(stderr), stderr);
    }
  });

  test('Variable Expansion: should allow substituting values in a volume subpath', async () => {
    const mounted = { env: [value('POD_NAME', 'of-the-pod')], volumeMounts: [part('$(POD_NAME)'), whole] };
    const containers = [script('test -d /whole/of-the-pod; echo $?', mounted)];
    assert.equal(await lab().output('subpath', { volumes, containers }), '0\n');
  });

  for (const [what, text] of [
    ['backticks', '..'],
    ['absolute path', '/tmp'],
  ] as const) {
    test(`Variable Expansion: should fail substituting values in a volume subpath with ${what}`, async () => {
      const name = `subpath-${what.replace(' ', '-')}`;
      const mounted = { env: [value('POD_NAME', text)], volumeMounts: [part('$(POD_NAME)')] };
      await lab().run(name, { volumes, containers: [script('true', mounted)] });
      await lab().watch.until(name, 'it waits', (pod) => {
        return statusOf(pod)?.state?.waiting?.reason === 'CreateContainerConfigError';
      });
      await lab().remove(name);
    });
  }

  test('Variable Expansion: a failing subpath expansion can be modified during the lifecycle of a container; one that held is not undone', async () => {
    const { watch, cluster } = lab();
    const name = 'subpath-modified';
    const mounted = {
      env: [value('POD_NAME', 'foo'), field('ANNOTATION', "metadata.annotations['mysubpath']")],
      volumeMounts: [part('$(ANNOTATION)/$(POD_NAME)'), whole],
    };
    await lab().run(name, { volumes, annotations: { notmysubpath: 'mypath' }, containers: [script(forever, mounted)] });
    await watch.until(name, 'it waits', (pod) => {
      return statusOf(pod)?.state?.waiting?.reason === 'CreateContainerConfigError';
    });
    await cluster.mustKubectl('annotate', 'pod', name, 'mysubpath=mypath');
    await watch.ready(name);
    await lab().exec(name, 'app', 'touch', '/whole/mypath/foo/test.log');
    await lab().exec(name, 'app', 'test', '-f', '/part/test.log');
    await cluster.mustKubectl('annotate', 'pod', name, '--overwrite', 'mysubpath=mynewpath');
    const pod = await watch.until(
      name,
      'it is seen',
      ({ metadata }) => metadata?.annotations?.['mysubpath'] === 'mynewpath',
    );
    assert.ok(isReady(pod));
    await lab().remove(name);
    await watch.gone(name);
  });

  test('Pods: should contain environment variables for services', async () => {
    await create(lab().cluster, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'fooservice' },
      spec: { ports: [{ port: 8765, targetPort: 8080 }], selector: { name: 'server' } },
    });
    const address = await lab().cluster.mustKubectl('get', 'service', 'fooservice', '-o', 'jsonpath={.spec.clusterIP}');
    const expected = [
      `FOOSERVICE_SERVICE_HOST=${address}`,
      'FOOSERVICE_SERVICE_PORT=8765',
      `FOOSERVICE_PORT=tcp://${address}:8765`,
      'FOOSERVICE_PORT_8765_TCP_PORT=8765',
      'FOOSERVICE_PORT_8765_TCP_PROTO=tcp',
      `FOOSERVICE_PORT_8765_TCP=tcp://${address}:8765`,
      `FOOSERVICE_PORT_8765_TCP_ADDR=${address}`,
    ];
    // As upstream: the node may hear of the pod before it hears of the service.
    for (let attempt = 1; ; attempt++) {
      const text = await lab().output(`services-${attempt}`, { containers: [script('env')] });
      const missing = expected.filter((line) => !text.split('\n').includes(line));
      assert.match(text, /^KUBERNETES_SERVICE_HOST=\d+\./m);
      if (missing.length === 0) break;
      assert.ok(attempt < 3, `missing: ${missing.join(' ')} in ${text}`);
    }
    const unlinked = await lab().output('services-unlinked', {
      enableServiceLinks: false,
      containers: [script('env')],
    });
    assert.match(unlinked, /^KUBERNETES_SERVICE_PORT=443$/m);
    assert.doesNotMatch(unlinked, /FOOSERVICE/);
  });

  test('KubeletManagedEtcHosts: the file is the kubelet’s, unless the container mounts its own or the pod is on the host’s network', async () => {
    const { watch } = lab();
    const host = [{ name: 'host', hostPath: { path: '/etc/hosts', type: 'FileOrCreate' as const } }];
    const original = { name: 'host', mountPath: '/etc/hosts-original' };
    const plain = script(forever, { volumeMounts: [original] });
    const own = script(forever, { volumeMounts: [original, { name: 'host', mountPath: '/etc/hosts' }] });
    await lab().run('hosts', { volumes: host, containers: [plain, plain, own] });
    await lab().run('hosts-of-host', { volumes: host, hostNetwork: true, containers: [plain, plain] });
    await Promise.all([watch.ready('hosts'), watch.ready('hosts-of-host')]);
    const isManaged = async (name: string, container: string): Promise<boolean> => {
      const text = await lab().exec(name, container, 'cat', '/etc/hosts');
      return (
        text.startsWith('# Kubernetes-managed hosts file.') &&
        text !== (await lab().exec(name, container, 'cat', '/etc/hosts-original'))
      );
    };
    const managed = ['app', 'app-2', 'app-3'].map((container) => isManaged('hosts', container));
    const onHost = ['app', 'app-2'].map((container) => isManaged('hosts-of-host', container));
    assert.deepEqual(await Promise.all([...managed, ...onHost]), [true, true, false, false, false]);
    await lab().remove('hosts', 'hosts-of-host');
  });
}
