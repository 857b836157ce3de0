/** What upstream accepts and refuses when a pod changes, also through its subresources. */
import { testCases } from './testing.ts';

const main = { name: 'main', image: 'registry.example/app:1' };
const mutable =
  'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,…';
const required = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution';
const zone = { key: 'zone', operator: 'In', values: ['a'] };
const gate = { 'spec.schedulingGates': [{ name: 'a' }, { name: 'b' }] };
const appArmor = 'container.apparmor.security.beta.kubernetes.io/main';
const terminated = {
  name: 'main',
  ready: false,
  restartCount: 0,
  image: 'i',
  imageID: '',
  state: { terminated: { exitCode: 1 } },
};
const running = { ...terminated, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } };
const health = { name: 'a.example/gpu', resources: [{ resourceID: 'gpu-0', health: 'Healthy' }] };
const cpu = (requests: string, limits: string): object => ({ requests: { cpu: requests }, limits: { cpu: limits } });

testCases([
  {
    resource: 'pods',
    valid: {
      metadata: { name: 'pod', labels: { app: 'web' } },
      spec: { containers: [main], initContainers: [{ ...main, name: 'init' }] },
    },
    cases: [
      {
        name: 'takes another image',
        update: { 'spec.containers[0].image': 'registry.example/app:2', 'spec.initContainers[0].image': 'x' },
      },
      {
        name: 'takes other labels and annotations',
        update: { 'metadata.labels': { a: 'b' }, 'metadata.annotations': { c: 'd' } },
      },
      {
        name: 'refuses no image, and one with spaces around it',
        update: { 'spec.containers[0].image': '', 'spec.initContainers[0].image': ' a' },
        errors: [
          'spec.containers[0].image: Required value',
          'spec.initContainers[0].image: Invalid value: " a": must not have leading or trailing whitespace',
          'spec.containers[0].image: Required value',
          'spec.initContainers[0].image: Invalid value: " a": must not have leading or trailing whitespace',
        ],
      },
      {
        name: 'refuses one container more, and looks no further',
        update: { 'spec.containers': [main, { ...main, name: 'b' }] },
        errors: ['spec.containers: Forbidden: pod updates may not add or remove containers'],
      },
      {
        name: 'refuses one init container less',
        update: { 'spec.initContainers': [] },
        errors: ['spec.initContainers: Forbidden: pod updates may not add or remove containers'],
      },
      { name: 'refuses another name for a container', update: { 'spec.containers[0].name': 'b' }, errors: [mutable] },
      { name: 'refuses another command', update: { 'spec.containers[0].command': ['true'] }, errors: [mutable] },
      {
        name: 'refuses resources but by their own subresource',
        update: { 'spec.containers[0].resources': cpu('1', '1') as never },
        errors: [mutable],
      },
      { name: 'refuses a node but by binding', update: { 'spec.nodeName': 'n1' }, errors: [mutable] },
      { name: 'refuses another restart policy', update: { 'spec.restartPolicy': 'Never' }, errors: [mutable] },
      {
        name: 'refuses another node selector where there is no gate',
        update: { 'spec.nodeSelector': { a: 'b' } },
        errors: [mutable],
      },
      { name: 'takes a deadline', update: { 'spec.activeDeadlineSeconds': 100 } },
      {
        name: 'takes a deadline that is nearer',
        changes: { 'spec.activeDeadlineSeconds': 100 },
        update: { 'spec.activeDeadlineSeconds': 50 },
      },
      {
        name: 'refuses a deadline that is further away',
        changes: { 'spec.activeDeadlineSeconds': 100 },
        update: { 'spec.activeDeadlineSeconds': 200, 'spec.nodeName': 'n1' },
        errors: ['spec.activeDeadlineSeconds: Invalid value: 200: must be less than or equal to previous value'],
      },
      {
        name: 'refuses no deadline where there was one',
        changes: { 'spec.activeDeadlineSeconds': 100 },
        update: { 'spec.activeDeadlineSeconds': undefined },
        errors: [
          'spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value',
        ],
      },
      {
        name: 'refuses a deadline below zero',
        update: { 'spec.activeDeadlineSeconds': -1 },
        errors: [
          'spec.activeDeadlineSeconds: Invalid value: -1: must be between 1 and 2147483647, inclusive',
          'spec.activeDeadlineSeconds: Invalid value: -1: must be between 0 and 2147483647, inclusive',
        ],
      },
      { name: 'refuses another grace period', update: { 'spec.terminationGracePeriodSeconds': 5 }, errors: [mutable] },
      {
        name: 'takes one second for a grace period that was negative',
        changes: { 'spec.terminationGracePeriodSeconds': -1 },
        update: { 'spec.terminationGracePeriodSeconds': 1 },
      },
      {
        name: 'refuses more seconds for it',
        changes: { 'spec.terminationGracePeriodSeconds': -1 },
        update: { 'spec.terminationGracePeriodSeconds': 2 },
        errors: [mutable],
      },
      {
        name: 'takes more tolerations, and another time for one',
        changes: { 'spec.tolerations': [{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 10 }] },
        update: {
          'spec.tolerations': [
            { key: 'a', operator: 'Exists' },
            { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 20 },
          ],
        },
      },
      {
        name: 'refuses one toleration less',
        changes: { 'spec.tolerations': [{ key: 'a', operator: 'Exists' }] },
        update: { 'spec.tolerations': [{ key: 'b', operator: 'Exists' }] },
        errors: ['spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds'],
      },
      { name: 'opens a gate', changes: gate, update: { 'spec.schedulingGates': [{ name: 'b' }] } },
      { name: 'opens all gates', changes: gate, update: { 'spec.schedulingGates': [] } },
      {
        name: 'refuses one gate more',
        changes: gate,
        update: { 'spec.schedulingGates': [{ name: 'a' }, { name: 'c' }] },
        errors: [
          "spec.schedulingGates[1].name: Forbidden: only deletion is allowed, but found new scheduling gate 'c'",
        ],
      },
      {
        name: 'takes fewer nodes for a pod at a gate',
        changes: { ...gate, 'spec.nodeSelector': { a: 'b' } },
        update: { 'spec.nodeSelector': { a: 'b', c: 'd' } },
      },
      {
        name: 'refuses other nodes for it',
        changes: { ...gate, 'spec.nodeSelector': { a: 'b' } },
        update: { 'spec.nodeSelector': { a: 'c' } },
        errors: [
          'spec.nodeSelector: Invalid value: {"a":"c"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
        ],
      },
      {
        name: 'takes an affinity for it where there was none',
        changes: gate,
        update: { [required]: { nodeSelectorTerms: [{ matchExpressions: [zone] }] } },
      },
      {
        name: 'takes more expressions in a term',
        changes: { ...gate, [required]: { nodeSelectorTerms: [{ matchExpressions: [zone] }] } },
        update: { [`${required}.nodeSelectorTerms[0].matchExpressions[1]`]: { key: 'disk', operator: 'Exists' } },
      },
      {
        name: 'refuses other expressions in a term',
        changes: { ...gate, [required]: { nodeSelectorTerms: [{ matchExpressions: [zone] }] } },
        update: { [`${required}.nodeSelectorTerms[0].matchExpressions`]: [{ ...zone, values: ['b'] }] },
        errors: [
          `${required}.nodeSelectorTerms[0]: Invalid value: {"MatchExpressions":[{"Key":"zone","Operator":"In","Values":["b"]}],"MatchFields":null}: only additions are allowed (no mutations or deletions)`,
        ],
      },
      {
        name: 'refuses one term more, which would be more nodes',
        changes: { ...gate, [required]: { nodeSelectorTerms: [{ matchExpressions: [zone] }] } },
        update: { [`${required}.nodeSelectorTerms[1]`]: { matchExpressions: [{ key: 'x', operator: 'Exists' }] } },
        errors: [`${required}.nodeSelectorTerms: Invalid value: [{"MatchExpressions":[{"Key":"zone",…`],
      },
      {
        name: 'refuses another affinity to pods, also at a gate',
        changes: gate,
        update: {
          'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution': [
            { topologyKey: 'zone', labelSelector: {} },
          ],
        },
        errors: [mutable],
      },
      {
        name: 'takes fewer nodes where they are only preferred',
        changes: gate,
        update: {
          'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution': [{ weight: 1, preference: {} }],
        },
      },
      {
        name: 'refuses an AppArmor annotation that comes later',
        update: { 'metadata.annotations': { [appArmor]: 'unconfined' } },
        errors: [`metadata.annotations[${appArmor}]: Forbidden: may not add AppArmor annotations`],
      },
      {
        name: 'refuses to take one away',
        changes: { 'metadata.annotations': { [appArmor]: 'unconfined' } },
        update: { 'metadata.annotations': { a: 'b' } },
        errors: [`metadata.annotations[${appArmor}]: Forbidden: may not remove or update AppArmor annotations`],
      },
      {
        name: 'refuses to make a mirror of a pod',
        changes: { 'spec.nodeName': 'n1' },
        update: { 'metadata.annotations': { 'kubernetes.io/config.mirror': 'x' } },
        errors: ['metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation'],
      },
      {
        name: 'takes a faulty deletion cost only where it was faulty before',
        update: { 'metadata.annotations': { 'controller.kubernetes.io/pod-deletion-cost': 'x' } },
        errors: [
          'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "x": must be a 32bit integer',
        ],
      },

      {
        name: 'takes a status',
        subresource: 'status',
        update: {
          'status.phase': 'Running',
          'status.conditions': [
            { type: 'Ready', status: 'True' },
            { type: 'a.example/b', status: 'False' },
          ],
        },
      },
      {
        name: 'refuses conditions of no name, and generations below zero',
        subresource: 'status',
        update: {
          'status.conditions': [{ type: 'a b', status: 'True', observedGeneration: -1 }],
          'status.observedGeneration': -2,
        },
        errors: [
          'status.conditions[0].observedGeneration: Invalid value: -1: must be a non-negative integer',
          'status.conditions[0].Type: Invalid value: "a b": name part must consist…',
          'status.observedGeneration: Invalid value: -2: must be a non-negative integer',
        ],
      },
      {
        name: 'refuses another class',
        subresource: 'status',
        update: { 'status.qosClass': 'Guaranteed' },
        errors: ['status.qosClass: Invalid value: "Guaranteed": field is immutable'],
      },
      {
        name: 'keeps the class that a report leaves out',
        subresource: 'status',
        update: { 'status.qosClass': undefined, 'status.message': 'x' },
      },
      {
        name: 'refuses a nomination to no node, and for a pod that has one',
        subresource: 'status',
        changes: { 'spec.nodeName': 'n1' },
        update: { 'status.nominatedNodeName': 'A_' },
        errors: [
          'status.nominatedNodeName: Invalid value: "A_": a lowercase RFC 1123 subdomain…',
          'status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node',
        ],
      },
      {
        name: 'takes an address of each family',
        subresource: 'status',
        update: { 'status.podIP': '10.0.0.1', 'status.podIPs': [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] },
      },
      {
        name: 'refuses two addresses of one family, and such as are none',
        subresource: 'status',
        update: {
          'status.podIP': '10.0.0.1',
          'status.podIPs': [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }],
          'status.hostIP': 'x',
          'status.hostIPs': [{ ip: 'x' }],
        },
        errors: [
          'status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.2"}]: may specify no more than one IP for each IP family',
          'status.hostIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        ],
      },
      {
        name: 'refuses an address of the node that is another than the first',
        subresource: 'status',
        update: { 'status.hostIP': '10.0.0.1', 'status.hostIPs': [{ ip: '10.0.0.2' }] },
        errors: ['status.hostIPs[0].ip: Invalid value: "10.0.0.2": must be equal to `hostIP`'],
      },
      {
        name: 'refuses claims that the pod has not made, and one twice',
        subresource: 'status',
        changes: { 'spec.resourceClaims': [{ name: 'a', resourceClaimName: 'x' }] },
        update: {
          'status.resourceClaimStatuses': [
            { name: 'a', resourceClaimName: 'x' },
            { name: 'a' },
            { name: 'b', resourceClaimName: 'X_' },
          ],
        },
        errors: [
          'status.resourceClaimStatuses[1].name: Duplicate value: "a"',
          'status.resourceClaimStatuses[2].name: Invalid value: "b": must match the name of an entry in `spec.resourceClaims`',
          'status.resourceClaimStatuses[2].resourceClaimName: Invalid value: "X_": a lowercase RFC 1123 subdomain…',
        ],
      },
      {
        name: 'refuses users that no system has',
        subresource: 'status',
        update: {
          'status.containerStatuses': [{ ...running, user: { linux: { uid: -1, gid: 0, supplementalGroups: [-2] } } }],
        },
        errors: [
          'status.containerStatuses[0].user.linux.uid: Invalid value: -1: must be between 0 and 2147483647, inclusive',
          'status.containerStatuses[0].user.linux.supplementalGroups[0]: Invalid value: -2: must be between 0 and 2147483647, inclusive',
        ],
      },
      {
        name: 'refuses the health of devices that the container has not, unknown health, and one device twice',
        subresource: 'status',
        update: {
          'status.containerStatuses': [
            {
              ...running,
              allocatedResourcesStatus: [
                { ...health, resources: [...health.resources, { resourceID: 'gpu-0', health: 'Fine' }] },
                { name: 'claim:x' },
              ],
            },
          ],
        },
        errors: [
          'status.containerStatuses[0].allocatedResourcesStatus[0].name: Invalid value: "a.example/gpu": must match one of the container\'s resource requests',
          'status.containerStatuses[0].allocatedResourcesStatus[0].resources[1].health: Unsupported value: "Fine": supported values: "Healthy", "Unhealthy", "Unknown"',
          'status.containerStatuses[0].allocatedResourcesStatus[0].resources[1].resourceID: Duplicate value: "gpu-0"',
          'status.containerStatuses[0].allocatedResourcesStatus[1].name: Invalid value: "claim:x": must match one of the container\'s resource claims in a format…',
        ],
      },
      {
        name: 'drops resources that no node allocates so yet',
        subresource: 'status',
        update: { 'status.nodeAllocatableResourceClaimStatuses': [{ resourceClaimName: '' }] },
      },

      {
        name: 'adds an ephemeral container',
        subresource: 'ephemeralcontainers',
        update: { 'spec.ephemeralContainers': [{ name: 'debug', image: 'i', targetContainerName: 'main' }] },
      },
      {
        name: 'refuses one that serves, or asks for something',
        subresource: 'ephemeralcontainers',
        update: {
          'spec.ephemeralContainers': [
            {
              name: 'debug',
              image: 'i',
              ports: [{ containerPort: 1 }],
              resources: { requests: { cpu: '1' } },
              livenessProbe: { tcpSocket: { port: 1 } },
              lifecycle: {},
            },
          ],
        },
        errors: ['ports', 'resources', 'livenessProbe', 'lifecycle'].map(
          (field) => `spec.ephemeralContainers[0].${field}: Forbidden: cannot be set for an Ephemeral Container`,
        ),
      },
      {
        name: 'refuses a name that another has, a target that there is not, and spaces around the image',
        subresource: 'ephemeralcontainers',
        update: { 'spec.ephemeralContainers': [{ name: 'main', image: ' i', targetContainerName: 'x' }] },
        errors: [
          'spec.ephemeralContainers[0].image: Invalid value: " i": must not have leading or trailing whitespace',
          'spec.ephemeralContainers[0].name: Duplicate value: "main"',
          'spec.ephemeralContainers[0].targetContainerName: Not found: "x"',
        ],
      },
      {
        name: 'refuses a part of a volume',
        subresource: 'ephemeralcontainers',
        changes: { 'spec.volumes': [{ name: 'v', emptyDir: {} }] },
        update: {
          'spec.ephemeralContainers': [
            { name: 'debug', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'a' }] },
          ],
        },
        errors: [
          'spec.ephemeralContainers[0].volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container',
        ],
      },
      {
        name: 'refuses ephemeral containers of static pods',
        subresource: 'ephemeralcontainers',
        changes: { 'spec.nodeName': 'n1', 'metadata.annotations': { 'kubernetes.io/config.mirror': 'x' } },
        update: { 'spec.ephemeralContainers': [{ name: 'debug', image: 'i' }] },
        errors: ['[]: Forbidden: static pods do not support ephemeral containers'],
      },

      {
        name: 'resizes a container, and leaves all else',
        subresource: 'resize',
        changes: { 'spec.containers[0].resources': cpu('1', '2') as never },
        update: {
          'spec.containers[0].resources': cpu('1500m', '2') as never,
          'spec.containers[0].image': 'other',
          'spec.nodeName': 'n1',
        },
      },
      {
        name: 'refuses another class by a resize',
        subresource: 'resize',
        changes: { 'spec.containers[0].resources': cpu('1', '2') as never },
        update: { 'spec.containers[0].resources': {} },
        errors: [
          'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
          'spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed',
          'spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed',
        ],
      },
      {
        name: 'refuses to resize anything but cpu and memory',
        subresource: 'resize',
        changes: { 'spec.containers[0].resources': { requests: { cpu: '1', 'ephemeral-storage': '1Gi' } } },
        update: { 'spec.containers[0].resources.requests': { cpu: '1', 'ephemeral-storage': '2Gi' } },
        errors: ['spec: Forbidden: only cpu and memory resources are mutable'],
      },
      {
        name: 'refuses a request above the limit',
        subresource: 'resize',
        changes: { 'spec.containers[0].resources': cpu('1', '2') as never },
        update: { 'spec.containers[0].resources.requests': { cpu: '3' } },
        errors: [
          'spec.containers[0].resources.requests: Invalid value: "3": must be less than or equal to cpu limit of 2',
        ],
      },
      {
        name: 'resizes an init container',
        subresource: 'resize',
        changes: { 'spec.initContainers[0].resources': { requests: { cpu: '1' } } },
        update: { 'spec.initContainers[0].resources.requests': { cpu: '2' } },
      },
      {
        name: 'refuses to resize anything but cpu and memory of it',
        subresource: 'resize',
        changes: { 'spec.initContainers[0].resources': { requests: { cpu: '1' } } },
        update: { 'spec.initContainers[0].resources.requests': { cpu: '1', 'ephemeral-storage': '1Gi' } },
        errors: [
          'spec.initContainers[0]: Forbidden: only cpu and memory resources for init or sidecar containers are mutable',
        ],
      },
      {
        name: 'resizes the pod as a whole',
        subresource: 'resize',
        changes: { 'spec.resources': cpu('1', '2') as never },
        update: { 'spec.resources': cpu('2', '3') as never },
      },
      {
        name: 'refuses to take the resources of the pod as a whole away',
        subresource: 'resize',
        changes: { 'spec.resources': { requests: { cpu: '1', memory: '1Gi' } } },
        update: { 'spec.resources': { requests: { cpu: '1' } } },
        errors: ['spec.resources.requests: Forbidden: pod-level resource requests cannot be removed'],
      },
      {
        name: 'refuses one container more by a resize, and looks no further',
        subresource: 'resize',
        update: {
          'spec.containers': [main, { ...main, name: 'b' }],
          'spec.initContainers[0].resources': cpu('1', '1') as never,
        },
        errors: [
          'spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing',
          'spec.containers: Forbidden: containers may not be added or removed on resize',
        ],
      },
      {
        name: 'refuses one init container less by a resize',
        subresource: 'resize',
        update: { 'spec.initContainers': [] },
        errors: ['spec.initContainers: Forbidden: initContainers may not be added or removed on resize'],
      },
      {
        name: 'refuses containers in another order by a resize',
        subresource: 'resize',
        changes: { 'spec.containers': [main, { ...main, name: 'b' }] },
        update: { 'spec.containers': [{ ...main, name: 'b' }, main] },
        errors: [
          'spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize',
          'spec.containers[1].name: Forbidden: containers may not be renamed or reordered on resize',
        ],
      },
      {
        name: 'refuses another name for an init container by a resize',
        subresource: 'resize',
        update: { 'spec.initContainers[0].name': 'b' },
        errors: ['spec.initContainers[0].name: Forbidden: initContainers may not be renamed or reordered on resize'],
      },
      {
        name: 'refuses another resize policy by a resize',
        subresource: 'resize',
        changes: { 'spec.containers[0].resources': cpu('1', '2') as never },
        update: { 'spec.containers[0].resizePolicy[0].restartPolicy': 'RestartContainer' },
        errors: ['spec: Forbidden: only cpu and memory resources are mutable'],
      },
      {
        name: 'refuses to resize static pods',
        subresource: 'resize',
        changes: { 'spec.nodeName': 'n1', 'metadata.annotations': { 'kubernetes.io/config.mirror': 'x' } },
        update: { 'spec.containers[0].resources': { requests: { cpu: '1' } } },
        errors: ['[]: Forbidden: static pods cannot be resized'],
      },
      {
        name: 'refuses to resize pods of Windows',
        subresource: 'resize',
        changes: { 'spec.os': { name: 'windows' } },
        update: { 'spec.containers[0].resources': { requests: { cpu: '1' } } },
        errors: ['[]: Forbidden: windows pods cannot be resized'],
      },
    ],
  },
  {
    resource: 'podtemplates',
    valid: {
      metadata: { name: 'template' },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [main] } },
    },
    cases: [
      {
        name: 'takes an image with spaces around it, which somebody may fill in',
        changes: { 'template.spec.containers[0].image': ' ' },
      },
      {
        name: 'refuses no containers',
        changes: { template: undefined },
        errors: ['template.spec.containers: Required value'],
      },
      {
        name: 'refuses labels and annotations that are none',
        changes: { 'template.metadata': { labels: { 'a b': 'c' }, annotations: { 'd e': 'f' } } },
        errors: [
          'template.labels: Invalid value: "a b": name part must consist…',
          'template.annotations: Invalid value: "d e": name part must consist…',
        ],
      },
      {
        name: 'refuses ephemeral containers',
        changes: { 'template.spec.ephemeralContainers': [{ name: 'debug', image: 'i' }] },
        errors: ['template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template'],
      },
      {
        name: 'leaves ports of the node open',
        changes: { 'template.spec.hostNetwork': true, 'template.spec.containers[0].ports': [{ containerPort: 80 }] },
      },
      {
        name: 'refuses another port of the node than the container’s on its network',
        changes: {
          'template.spec.hostNetwork': true,
          'template.spec.containers[0].ports': [{ containerPort: 80, hostPort: 81 }],
        },
        errors: [
          'template.spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true',
        ],
      },
      {
        name: 'names a field of a template by its path',
        changes: { 'template.spec.containers[0].resources.requests': { cpu: '-1' } },
        errors: [
          'template.spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
        ],
      },
      { name: 'takes another template', update: { 'template.spec.containers': [{ name: 'other', image: 'i' }] } },
      {
        name: 'refuses a faulty one in an update, too',
        update: { 'template.spec.dnsPolicy': 'x' },
        errors: [
          'template.spec.dnsPolicy: Unsupported value: "x": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
        ],
      },
    ],
  },
]);
