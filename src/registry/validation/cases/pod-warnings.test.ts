/** What authors of pods and templates are told beside the result, and what becomes of a pod before it is checked. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { JsonValue } from '../../../api/object.ts';
import { limits } from '../../../lib/limits.ts';
import { startRegistry, type TestRegistry } from '../../testing.ts';

const main = { name: 'main', image: 'registry.example/app:1' };
const deprecated = 'hides previous definition of "A", which may be dropped when using apply';
const nullSelector = 'a null labelSelector results in matching no pod';
const always = 'requiredDuringSchedulingIgnoredDuringExecution';

interface Row {
  readonly name: string;
  readonly metadata?: object;
  readonly spec?: object;
  /** Over the container of the pod. */
  readonly container?: object;
  readonly warnings: readonly string[];
}

const rows: readonly Row[] = [
  { name: 'says nothing of a plain pod', warnings: [] },
  {
    name: 'tells of a name that makes a bad host name',
    metadata: { name: 'a.b' },
    warnings: [
      "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
    ],
  },
  {
    name: 'tells of labels of nodes that have new names',
    spec: {
      nodeSelector: { 'beta.kubernetes.io/arch': 'amd64' },
      affinity: {
        nodeAffinity: {
          [always]: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'beta.kubernetes.io/os', operator: 'Exists' }] }],
          },
        },
      },
    },
    warnings: [
      'spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; use "kubernetes.io/arch" instead',
      `spec.affinity.nodeAffinity.${always}.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use "kubernetes.io/os" instead`,
    ],
  },
  {
    name: 'tells of selectors that select nothing',
    spec: {
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }],
      affinity: { podAntiAffinity: { [always]: [{ topologyKey: 'zone' }] } },
    },
    warnings: [
      `spec.topologySpreadConstraints[0].labelSelector: ${nullSelector}`,
      `spec.affinity.podAntiAffinity.${always}[0].labelSelector: ${nullSelector}`,
    ],
  },
  {
    name: 'tells of annotations that do nothing any more',
    metadata: {
      name: 'pod',
      annotations: {
        'scheduler.alpha.kubernetes.io/critical-pod': '',
        'seccomp.security.alpha.kubernetes.io/pod': 'unconfined',
      },
    },
    warnings: [
      'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
      'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
    ],
  },
  {
    name: 'tells of volumes that are gone',
    spec: {
      volumes: [
        { name: 'a', gitRepo: { repository: 'r' } },
        { name: 'b', glusterfs: { endpoints: 'e', path: 'p' } },
        { name: 'c', rbd: { monitors: ['m'], image: 'i' } },
      ],
    },
    warnings: [
      'spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+',
      'spec.volumes[1].glusterfs: deprecated in v1.25, non-functional in v1.26+',
      'spec.volumes[2].rbd: deprecated in v1.28, non-functional in v1.31+',
    ],
  },
  {
    name: 'tells of files of a volume that are in each other’s way',
    spec: {
      volumes: [
        {
          name: 'v',
          configMap: {
            name: 'c',
            items: [
              { key: 'a', path: 'x' },
              { key: 'b', path: 'x/y' },
              { key: 'c', path: 'xx' },
            ],
          },
        },
        {
          name: 'w',
          projected: {
            sources: [
              { secret: { name: 's', items: [{ key: 'a', path: 'p/q' }] } },
              { configMap: { name: 'c', items: [{ key: 'b', path: 'p/' }] } },
              {},
            ],
          },
        },
      ],
    },
    warnings: [
      'volume "v" (ConfigMap "c"): overlapping paths: "x/y" with "x"',
      'volume "w" (Projected) has no sources provided',
      'volume "w" (Projected): overlapping paths: "p" (ConfigMap "c") with "p/q" (Secret "s")',
    ],
  },
  {
    name: 'tells of aliases and pull secrets that are there twice, or have no name',
    spec: {
      hostAliases: [
        { ip: '10.0.0.1', hostnames: ['a'] },
        { ip: '10.0.0.1', hostnames: ['b'] },
      ],
      imagePullSecrets: [{ name: 'a' }, { name: 'a' }, {}],
    },
    warnings: [
      'spec.hostAliases[1].ip: duplicate ip "10.0.0.1"',
      'spec.imagePullSecrets[1].name: duplicate name "a"',
      'spec.imagePullSecrets[2].name: invalid empty name ""',
    ],
  },
  {
    name: 'tells of parts of a byte',
    container: { resources: { requests: { memory: '500m', 'ephemeral-storage': '1500m' } } },
    warnings: [
      'spec.containers[0].resources.requests[memory]: fractional byte value "500m" is invalid, must be an integer',
      'spec.containers[0].resources.requests[ephemeral-storage]: fractional byte value "1500m" is invalid, must be an integer',
    ],
  },
  {
    name: 'tells of a variable that hides another',
    container: {
      env: [
        { name: 'A', value: 'b' },
        { name: 'A', value: 'c' },
        { name: 'A', value: '$(A)' },
      ],
    },
    warnings: [`spec.containers[0].env[1]: ${deprecated}`, `spec.containers[0].env[2]: ${deprecated}`],
  },
  {
    name: 'says nothing of a variable that builds on another',
    container: {
      env: [
        { name: 'A', value: 'b' },
        { name: 'A', value: '$(A):c' },
      ],
    },
    warnings: [],
  },
  {
    name: 'tells of ports that are there twice, or clash',
    container: {
      ports: [
        { containerPort: 80 },
        { containerPort: 80 },
        { containerPort: 80, hostPort: 8080, hostIP: '10.0.0.1' },
        { containerPort: 81, hostIP: '10.0.0.1' },
      ],
    },
    warnings: [
      'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
      'spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[0]',
      'spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[1]',
      'spec.containers[0].ports[3]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:81 Protocol:TCP HostIP:10.0.0.1}',
    ],
  },
  {
    name: 'tells of a port on the node whose address is said once and left open once',
    container: {
      ports: [
        { containerPort: 80, hostPort: 8080 },
        { containerPort: 80, hostPort: 8080, hostIP: '10.0.0.1' },
      ],
    },
    warnings: ['spec.containers[0].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]'],
  },
  {
    name: 'tells of a port name that two containers have',
    spec: {
      containers: [
        { ...main, ports: [{ name: 'http', containerPort: 80 }] },
        { ...main, name: 'b', ports: [{ name: 'http', containerPort: 81 }] },
      ],
    },
    warnings: [
      'spec.containers[1].ports[0]: duplicate port name "http" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]',
    ],
  },
  {
    name: 'tells of a grace period below zero',
    spec: { terminationGracePeriodSeconds: -1 },
    warnings: [
      'spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1',
    ],
  },
  {
    name: 'tells of addresses in an odd form',
    spec: { dnsConfig: { nameservers: ['FD00:0::1'] } },
    warnings: [
      'spec.dnsConfig.nameservers[0]: IPv6 address "FD00:0::1" should be in RFC 5952 canonical format ("fd00::1")',
    ],
  },
];

void describe('warnings', () => {
  let cluster: TestRegistry;
  before(async () => {
    cluster = await startRegistry();
  });

  const podOf = (row: Row): object => ({
    metadata: { name: 'pod', ...row.metadata },
    spec: { containers: [{ ...main, ...row.container }], ...row.spec },
  });

  for (const row of rows) {
    void test(row.name, async () => {
      const { warnings } = await cluster.createResult('pods', podOf(row), { dryRun: true });
      assert.deepEqual(warnings, row.warnings);
    });
  }

  void test('the same is told of templates, by their paths', async () => {
    const annotations = { 'container.apparmor.security.beta.kubernetes.io/main': 'unconfined' };
    const template = { metadata: { annotations }, spec: { containers: [main], terminationGracePeriodSeconds: -1 } };
    const { warnings } = await cluster.createResult('podtemplates', { metadata: { name: 't' }, template });
    assert.deepEqual(warnings, [
      'template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1',
      'template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/main]: deprecated since v1.30; use the "appArmorProfile" field instead',
    ]);
  });

  void test('an AppArmor profile that only the annotation says is told of, by what was sent', async () => {
    const key = 'container.apparmor.security.beta.kubernetes.io/main';
    const told = async (annotation: string, spec: object = {}, container: object = {}): Promise<readonly string[]> => {
      const metadata = { annotations: { [key]: annotation } };
      const body = podOf({ name: '', metadata, spec, container, warnings: [] });
      return (await cluster.createResult('pods', body, { dryRun: true })).warnings;
    };
    const warning = `metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`;
    const securityContext = { appArmorProfile: { type: 'Unconfined' } };
    assert.deepEqual(await told('unconfined'), [warning]);
    assert.deepEqual(await told('runtime/default', { securityContext }), [warning]);
    assert.deepEqual(await told('localhost/ a'), [warning], 'what makes no valid field, too');
    assert.deepEqual(await told('unconfined', { securityContext }), [], 'the field of the pod says the same');
    assert.deepEqual(await told('unconfined', {}, { securityContext }), [], 'there is a field');
    assert.deepEqual(await told('unconfined', { os: { name: 'windows' } }), []);
  });

  void test('a thousand faults are not all told', async () => {
    const env = Array.from({ length: 1000 }, () => ({ name: 'A', value: 'b' }));
    const items = Array.from({ length: 1000 }, () => ({ key: 'a', path: 'x/y' }));
    const ports = Array.from({ length: 1000 }, () => ({ containerPort: 80 }));
    const body = podOf({
      name: '',
      container: { env, ports },
      spec: { volumes: [{ name: 'v', configMap: { name: 'c', items } }] },
      warnings: [],
    });
    const { warnings } = await cluster.createResult('pods', body, { dryRun: true });
    assert.equal(warnings.length, limits.podWarningsMax);
  });
});

const specOf = async (metadata: object, spec: object): Promise<Record<string, JsonValue>> => {
  const cluster = await startRegistry();
  const body = { metadata: { name: 'pod', ...metadata }, spec: { containers: [main], ...spec } };
  const pod = await cluster.create('pods', body);
  return { ...(pod.spec as Record<string, JsonValue>), annotations: pod.metadata.annotations };
};

void describe('preparation', () => {
  void test('label keys turn into selectors by the pod’s own labels', async () => {
    const term = { topologyKey: 'zone', labelSelector: {}, matchLabelKeys: ['v', 'none'], mismatchLabelKeys: ['team'] };
    const spread = {
      maxSkew: 1,
      topologyKey: 'zone',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: {},
      matchLabelKeys: ['v'],
    };
    const spec = { affinity: { podAffinity: { [always]: [term] } }, topologySpreadConstraints: [spread] };
    const made = await specOf({ labels: { v: '1', team: 'a' } }, spec);
    const own = { key: 'v', operator: 'In', values: ['1'] };
    const others = { key: 'team', operator: 'NotIn', values: ['a'] };
    assert.deepEqual(made['affinity'], {
      podAffinity: { [always]: [{ ...term, labelSelector: { matchExpressions: [own, others] } }] },
    });
    assert.deepEqual(made['topologySpreadConstraints'], [{ ...spread, labelSelector: { matchExpressions: [own] } }]);
  });

  void test('an AppArmor profile of an annotation becomes a field, and none of a field an annotation', async () => {
    const key = 'container.apparmor.security.beta.kubernetes.io/main';
    const byField = await specOf({}, { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } });
    assert.equal(byField['annotations'], undefined);
    const fieldOf = async (annotation: string, spec: object = {}): Promise<object | undefined> => {
      const { containers } = await specOf({ annotations: { [key]: annotation } }, spec);
      return (containers as unknown as { securityContext?: object }[])[0]?.securityContext;
    };
    const localhost = { type: 'Localhost', localhostProfile: 'a' };
    assert.deepEqual(await fieldOf('localhost/a'), { appArmorProfile: localhost });
    assert.deepEqual(await fieldOf('unconfined'), { appArmorProfile: { type: 'Unconfined' } });
    assert.equal(await fieldOf('localhost/a', { securityContext: { appArmorProfile: localhost } }), undefined);
    assert.equal(await fieldOf('runtime/default', { os: { name: 'windows' } }), undefined);
    for (const bad of ['localhost/', 'localhost/ a', `localhost/${'a'.repeat(4096)}`]) {
      assert.equal(await fieldOf(bad), undefined);
    }
  });

  void test('what comes with features that are off is dropped', async () => {
    const podCertificate = { signerName: 'a.b/c', keyType: 'ED25519', credentialBundlePath: 'p' };
    const sources = [{ podCertificate }, { secret: { name: 's' } }];
    const made = await specOf(
      {},
      {
        volumes: [{ name: 'v', projected: { sources } }],
        containers: [{ ...main, lifecycle: { stopSignal: 'SIGUSR1' } }],
      },
    );
    assert.deepEqual(made['volumes'], [
      { name: 'v', projected: { sources: [{}, { secret: { name: 's' } }], defaultMode: 420 } },
    ]);
    assert.equal((made['containers'] as unknown as { lifecycle?: object }[])[0]?.lifecycle, undefined);
  });
});

void describe('an ended container', () => {
  const statusOf = (state: object): object => ({
    name: 'main',
    ready: false,
    restartCount: 0,
    image: 'i',
    imageID: '',
    state,
  });
  const ended = statusOf({ terminated: { exitCode: 3 } });
  const started = statusOf({ running: {} });
  const outcomes: readonly (readonly [name: string, spec: object, container: object, allowed: boolean])[] = [
    ['starts again in a pod that always does', {}, {}, true],
    ['stays where the pod never restarts', { restartPolicy: 'Never' }, {}, false],
    ['starts again after a failure', { restartPolicy: 'OnFailure' }, {}, true],
    ['starts again by its own policy', { restartPolicy: 'Never' }, { restartPolicy: 'Always' }, true],
    ['stays by its own policy', {}, { restartPolicy: 'Never' }, false],
    [
      'starts again by a rule for its exit code',
      { restartPolicy: 'Never' },
      {
        restartPolicy: 'Never',
        restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [3] } }],
      },
      true,
    ],
    [
      'stays where no rule is for its exit code',
      { restartPolicy: 'Never' },
      {
        restartPolicy: 'Never',
        restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'NotIn', values: [3] } }],
      },
      false,
    ],
    [
      'starts again where rules may restart all',
      { restartPolicy: 'Never' },
      {
        restartPolicy: 'Never',
        restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [1] } }],
      },
      true,
    ],
  ];
  for (const [name, spec, container, allowed] of outcomes) {
    void test(name, async () => {
      const cluster = await startRegistry();
      await cluster.create('pods', {
        metadata: { name: 'pod' },
        spec: { ...spec, containers: [{ ...main, ...container }] },
      });
      const report = (status: object): Promise<unknown> =>
        cluster.patch(
          'pods',
          'pod',
          { status: { containerStatuses: [status] } },
          { subresource: 'status', type: 'merge' },
        );
      await report(ended);
      const restart = report(started).then(
        () => true,
        (error: Error) => error.message,
      );
      const refusal =
        'Pod "pod" is invalid: status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state';
      assert.equal(await restart, allowed || refusal);
    });
  }
});
