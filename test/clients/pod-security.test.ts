/** Pod Security Standards as kubectl 1.36 sees them: refusals, warnings, labels of namespaces, exemptions; and claims that wait for their pod. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, TestCluster } from '../harness.ts';
import { checkRows, fixture, type Row } from './command-table.ts';

const label = 'pod-security.kubernetes.io';
const four = 'allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile';
const details = (name: string): string =>
  [
    `allowPrivilegeEscalation != false (container "${name}" must set securityContext.allowPrivilegeEscalation=false)`,
    `unrestricted capabilities (container "${name}" must set securityContext.capabilities.drop=["ALL"])`,
    `runAsNonRoot != true (pod or container "${name}" must set securityContext.runAsNonRoot=true)`,
    `seccompProfile (pod or container "${name}" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")`,
  ].join(', ');
/** A whole line. */
const line = (text: string): RegExp => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`, 'm');
const hostNetwork = '{"spec":{"hostNetwork":true}}';

const refusals: readonly Row[] = [
  ['create namespace strict', /created/],
  [`label namespace strict ${label}/enforce=restricted`, /^namespace\/strict labeled$/m],
  [
    'run web --image=image -n strict',
    line(
      `Error from server (Forbidden): pods "web" is forbidden: violates PodSecurity "restricted:latest": ${details('web')}`,
    ),
    'fails',
  ],
  ['apply -f @/pod-security-volume.yaml', /^persistentvolume\/data created$/m],
  ['apply -f @/pod-security-hardened.yaml -n strict', /^pod\/hardened created$/m],
  [
    'create deployment web --image=image -n strict',
    line(`Warning: would violate PodSecurity "restricted:latest": ${details('image')}`),
  ],
  [
    'debug hardened --image=debug --profile=general -n strict',
    /pods "hardened" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container/,
    'fails',
  ],
  ['label pod hardened -n strict a=b', /^pod\/hardened labeled$/m],
];

const warnings: readonly Row[] = [
  ['create namespace told', /created/],
  [`label namespace told ${label}/warn=restricted ${label}/warn-version=v1.24`, /^namespace\/told labeled$/m],
  ['run web --image=image -n told', line(`Warning: would violate PodSecurity "restricted:v1.24": ${details('web')}`)],
  [
    `run host --image=image --overrides=${hostNetwork}`,
    line('Warning: would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)'),
  ],
];

const relabelling: readonly Row[] = [
  ['create namespace loose', /created/],
  ['run b --image=image -n loose', /^pod\/b created$/m],
  ['run a --image=image -n loose', /^pod\/a created$/m],
  [
    `label namespace loose ${label}/enforce=restricted --dry-run=server`,
    line('Warning: existing pods in namespace "loose" violate the new PodSecurity enforce level "restricted:latest"'),
  ],
  [`label namespace loose ${label}/enforce=restricted`, line(`Warning: a (and 1 other pod): ${four}`)],
  [
    `label namespace loose ${label}/enforce=strict --overwrite`,
    line(
      `The Namespace "loose" is invalid: metadata.labels[${label}/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted`,
    ),
    'fails',
  ],
  [
    `label namespace loose ${label}/enforce-version=1.2`,
    line(
      `The Namespace "loose" is invalid: metadata.labels[${label}/enforce-version]: Invalid value: "1.2": must be "latest" or "v1.x"`,
    ),
    'fails',
  ],
  [`label namespace loose ${label}/enforce=baseline --overwrite`, /^namespace\/loose labeled$/m],
  ['label namespace loose team=blue', /^namespace\/loose labeled$/m],
  [`label namespace loose ${label}/enforce-`, /^namespace\/loose unlabeled$/m],
];

const exemptions: readonly Row[] = [
  ['create clusterrolebinding ann --clusterrole=edit --user=ann', /created/],
  ['run own --image=image -n strict --as=ann', /^pod\/own created$/m],
  ['create namespace exempt', /created/],
  [
    `label namespace exempt ${label}/enforce=restricted`,
    line(
      'Warning: namespace "exempt" is exempt from Pod Security, and the policy (enforce=restricted:latest) will be ignored',
    ),
  ],
  [`run host --image=image -n exempt --overrides=${hostNetwork}`, /^pod\/host created$/m],
];

describe('Pod Security on a simulated cluster', () => {
  let cluster: TestCluster;

  before(async () => {
    const file = fixture('admission-configuration.yaml');
    cluster = await TestCluster.up('--simulated-nodes', '1', '--admission-control-config-file', file);
  });
  after(() => TestCluster.closeAll());

  test('what is enforced refuses pods, and warns of what makes them', () => checkRows(cluster, refusals));

  test('what is warned of is let in', () => checkRows(cluster, warnings));

  test('labels are read when they are written, and held against the pods that are there', () =>
    checkRows(cluster, relabelling));

  test('the configuration says who is exempt', () => checkRows(cluster, exemptions));

  test('the pods of a refused template are told of at their ReplicaSet', async () => {
    await eventually('an event tells it', async () => {
      const events = await cluster.mustKubectl('get', 'events', '-n', 'strict', '--field-selector=reason=FailedCreate');
      return /Error creating: pods "web-\w+-\w+" is forbidden: violates PodSecurity "restricted:latest"/.test(events);
    });
  });

  test('a claim waits for its pod, and a namespace for both', async () => {
    await eventually('the pod has a node', async () => {
      const node = await cluster.mustKubectl(
        'get',
        'pod',
        'hardened',
        '-n',
        'strict',
        '-o',
        'jsonpath={.spec.nodeName}',
      );
      return node.includes('simulated');
    });
    await checkRows(cluster, [
      ['delete pvc data -n strict --wait=false', /deleted/],
      ['get pvc data -n strict', /Terminating/],
      ['delete pod hardened -n strict', /deleted/],
      ['wait pvc/data -n strict --for=delete --timeout=20s', /^$|condition met/],
      ['get pvc data -n strict', /NotFound/, 'fails'],
      ['apply -f @/pod-security-hardened.yaml -n strict', /persistentvolumeclaim\/data created/],
      ['delete namespace strict --timeout=30s', /deleted/],
      ['get namespace strict', /NotFound/, 'fails'],
    ]);
  });

  test('a node loses the taint that it was born with', async () => {
    const taints = await cluster.mustKubectl('get', 'nodes', '-o', 'jsonpath={.items[*].spec.taints}');
    assert.equal(taints, '');
  });

  test('evaluations are counted', async () => {
    const metrics = await cluster.mustKubectl('get', '--raw', '/metrics');
    assert.match(metrics, /^pod_security_evaluations_total\{decision="deny",policy_level="restricted",[^}]*\} [1-9]/m);
    assert.match(metrics, /^pod_security_exemptions_total\{[^}]*resource="pod"[^}]*\} [1-9]/m);
  });
});
