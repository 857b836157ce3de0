import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodSpec, PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import { setPodDefaults } from '../defaults/pod.ts';
import { validatePod, validatePodTemplate } from './pod.ts';
import type { Tolerance } from './pod-options.ts';

const always = 'requiredDuringSchedulingIgnoredDuringExecution';
const bad = { key: 'app', operator: 'In', values: ['-x'] };
const spread = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' };
const ofContainer = (more: object, list = 'containers'): object => ({
  [list]: [{ name: 'main', image: 'i', ...more }],
});
const token = { serviceAccountToken: { path: '../t', expirationSeconds: 3600 } };

/** What breaks the rule that may be broken, as it could stand there since before the rule. */
const breaking: Readonly<Record<Tolerance, object>> = {
  'block devices': {
    hostUsers: false,
    volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }],
    ...ofContainer({ volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] }),
  },
  'deletion cost': {},
  'empty image reference': { volumes: [{ name: 'v', image: { pullPolicy: 'Always' } }] },
  'host sysctls': { hostNetwork: true, securityContext: { sysctls: [{ name: 'net.ipv4.x', value: '1' }] } },
  'huge pages': ofContainer({
    resources: { limits: { cpu: '1', 'hugepages-2Mi': '3Mi' }, requests: { cpu: '1', 'hugepages-2Mi': '3Mi' } },
  }),
  'node affinity values': {
    affinity: { nodeAffinity: { [always]: { nodeSelectorTerms: [{ matchExpressions: [bad] }] } } },
  },
  'restarts for a resize': {
    initContainers: [
      { name: 'init', image: 'i', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] },
    ],
  },
  'SELinux policies': { securityContext: { seLinuxChangePolicy: 'MountOption' } },
  'selector values': {
    affinity: { podAffinity: { [always]: [{ topologyKey: 'zone', labelSelector: { matchExpressions: [bad] } }] } },
  },
  'spread selectors': { topologySpreadConstraints: [{ ...spread, labelSelector: { matchExpressions: [bad] } }] },
  'token paths': { serviceAccountName: 'default', volumes: [{ name: 'v', projected: { sources: [token] } }] },
};

function podWith(spec: object, metadata: object = {}): Pod {
  const pod = { metadata: { name: 'pod', namespace: 'default', ...metadata }, spec: { ...ofContainer({}), ...spec } };
  setPodDefaults(pod as Parameters<typeof setPodDefaults>[0]);
  return pod as unknown as Pod;
}

const annotated = { annotations: { 'controller.kubernetes.io/pod-deletion-cost': 'x' } };

for (const [tolerance, spec] of Object.entries(breaking)) {
  test(`a pod may go on with what a new one may not have: ${tolerance}`, () => {
    const broken = podWith(spec, tolerance === 'deletion cost' ? annotated : {});
    assert.notDeepEqual(validatePod(broken), []);
    assert.notDeepEqual(validatePod(broken, podWith({})), []);
    assert.deepEqual(validatePod(broken, broken), []);
    const worse = { ...broken, spec: { ...broken.spec, nodeName: 'a b' } } as Pod;
    const fields = validatePod(worse, broken).map(({ field }) => field);
    assert.deepEqual([...new Set(fields)], ['spec.nodeName']);
  });
}

test('a template that names any SELinux policy may name any other', () => {
  const template = (policy?: string): PodTemplateSpec => {
    const spec = podWith(policy ? { securityContext: { seLinuxChangePolicy: policy } } : {}).spec as PodSpec;
    return { spec };
  };
  const messagesOf = (now: string, old?: string): string[] =>
    validatePodTemplate('template', template(now), template(old)).map(({ message }) => message);
  assert.deepEqual(messagesOf('MountOption', 'Recursive'), []);
  assert.deepEqual(messagesOf('MountOption'), ['Unsupported value: "MountOption": supported values: "Recursive"']);
  assert.deepEqual(messagesOf('None', 'Recursive'), [
    'Unsupported value: "None": supported values: "MountOption", "Recursive"',
  ]);
});
