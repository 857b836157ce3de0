/**
 * The rows of `lifecycle.ts`: upstream's conformance tests that walk through the operations of one API, each with the object that it
 * walks with. Tests that also need a controller to act stand where that is watched, in the `.test.ts` files.
 */
import type { Lifecycle } from './lifecycle.ts';

const container = { name: 'c', image: 'registry.k8s.io/pause:3.10' };
const matchLabels = { app: 'e2e-lifecycle' };
const template = { metadata: { labels: matchLabels }, spec: { containers: [container] } };
const jobTemplate = { spec: { template: { spec: { restartPolicy: 'OnFailure', containers: [container] } } } };

const condition = (type: string): object => ({
  conditions: [{ type, status: 'True', reason: 'E2E', message: `${type} by an e2e test` }],
});
const conditions = { patch: condition('StatusPatch'), update: condition('StatusUpdate') };
const typed = (type: string): object => ({ conditions: [{ type, status: 'True', reason: 'e2e' }] });
const atTime = (type: string): object => ({
  conditions: [
    {
      type,
      status: 'True',
      lastTransitionTime: '2026-01-02T03:04:05Z',
      reason: 'E2E',
      message: 'Set from an e2e test',
    },
  ],
});
const withTimes = { patch: atTime('StatusPatch'), update: atTime('StatusUpdate') };

const policyRule = {
  apiGroups: ['apps'],
  apiVersions: ['v1'],
  operations: ['CREATE', 'UPDATE'],
  resources: ['deployments'],
};

const flowControl: readonly Lifecycle[] = [
  {
    test: 'API priority and fairness should support FlowSchema API operations',
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    object: {
      spec: {
        matchingPrecedence: 10000,
        priorityLevelConfiguration: { name: 'global-default' },
        distinguisherMethod: { type: 'ByUser' },
        rules: [
          {
            subjects: [{ kind: 'User', user: { name: 'example-e2e-non-existent-user' } }],
            nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
          },
        ],
      },
    },
    patch: { spec: { matchingPrecedence: 9999 } },
    update: { spec: { matchingPrecedence: 9000 } },
    status: { patch: typed('PatchStatusFailed'), update: condition('StatusUpdateFailed') },
  },
  {
    test: 'API priority and fairness should support PriorityLevelConfiguration API operations',
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'PriorityLevelConfiguration',
    object: {
      spec: { type: 'Limited', limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } } },
    },
    patch: { spec: { limited: { nominalConcurrencyShares: 4 } } },
    update: { spec: { limited: { nominalConcurrencyShares: 6 } } },
    status: { patch: typed('PatchStatusFailed'), update: condition('StatusUpdateFailed') },
  },
];

const admission: readonly Lifecycle[] = [
  {
    test: 'ValidatingAdmissionPolicy should support ValidatingAdmissionPolicy API operations',
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    object: {
      spec: {
        failurePolicy: 'Ignore',
        matchConstraints: {
          namespaceSelector: { matchLabels },
          resourceRules: [policyRule],
        },
        validations: [{ expression: 'object.spec.replicas <= 100', messageExpression: "'too many'" }],
      },
    },
    patch: { spec: { failurePolicy: 'Ignore' } },
    update: { spec: { failurePolicy: 'Fail' } },
    status: withTimes,
  },
  {
    test: 'ValidatingAdmissionPolicy should support ValidatingAdmissionPolicyBinding API operations',
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    object: { spec: { policyName: 'replicalimit-policy.example.com', validationActions: ['Deny'] } },
    update: { spec: { validationActions: ['Warn'] } },
  },
  {
    test: 'MutatingAdmissionPolicy should support MutatingAdmissionPolicy API operations',
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingAdmissionPolicy',
    object: {
      spec: {
        failurePolicy: 'Ignore',
        reinvocationPolicy: 'Never',
        matchConstraints: { namespaceSelector: { matchLabels }, resourceRules: [policyRule] },
        mutations: [
          {
            patchType: 'ApplyConfiguration',
            applyConfiguration: { expression: 'Object{spec: Object.spec{replicas: 1}}' },
          },
        ],
      },
    },
    patch: { spec: { reinvocationPolicy: 'IfNeeded' } },
    update: { spec: { reinvocationPolicy: 'Never' } },
  },
  {
    test: 'MutatingAdmissionPolicy should support MutatingAdmissionPolicyBinding API operations',
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingAdmissionPolicyBinding',
    object: { spec: { policyName: 'policy.example.com' } },
    update: { spec: { policyName: 'other.example.com' } },
  },
];

/** Reaches nothing, and is asked for nothing: its namespaces carry a label that none has. */
const webhook = {
  name: 'e2e.example.com',
  clientConfig: { service: { namespace: 'e2e-none', name: 'e2e-none', path: '/hook', port: 443 }, caBundle: 'Zm9v' },
  rules: [{ ...policyRule, scope: '*' }],
  namespaceSelector: { matchLabels: { 'e2e-none': 'true' } },
  sideEffects: 'None',
  admissionReviewVersions: ['v1', 'v1beta1'],
  matchConditions: [{ name: 'expression-1', expression: "object.metadata.namespace == 'production'" }],
};
const otherConditions = [{ name: 'expression-2', expression: "object.metadata.namespace == 'staging'" }];

const webhooks = (['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'] as const).map(
  (kind): Lifecycle => ({
    test: `AdmissionWebhook should be able to create and update a ${kind} with match conditions`,
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    object: { webhooks: [webhook] },
    update: { webhooks: [{ ...webhook, matchConditions: otherConditions }] },
  }),
);

const batch: readonly Lifecycle[] = [
  {
    test: 'CronJob should support CronJob API operations',
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    object: { spec: { schedule: '* */1 * * ?', concurrencyPolicy: 'Allow', jobTemplate } },
    status: {
      patch: { lastScheduleTime: '2026-01-02T03:04:05Z' },
      update: { lastScheduleTime: '2026-01-02T04:05:06Z' },
    },
  },
  {
    test: 'Job should manage the lifecycle of a job',
    apiVersion: 'batch/v1',
    kind: 'Job',
    object: { spec: { suspend: true, parallelism: 2, completions: 4, backoffLimit: 6, ...jobTemplate.spec } },
    update: { spec: { parallelism: 1 } },
    lingers: true,
  },
];

const network: readonly Lifecycle[] = [
  {
    test: 'EndpointSlice should support creating EndpointSlice API operations',
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    object: {
      addressType: 'IPv4',
      endpoints: [{ addresses: ['1.2.3.4', '5.6.7.8'], conditions: { ready: true } }],
    },
  },
  {
    test: 'Endpoints should test the lifecycle of an Endpoint',
    apiVersion: 'v1',
    kind: 'Endpoints',
    object: { subsets: [{ addresses: [{ ip: '10.0.0.24' }], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }] },
    patch: { subsets: [{ addresses: [{ ip: '10.0.0.25' }], ports: [{ name: 'http-test', port: 8080 }] }] },
    update: { subsets: [{ addresses: [{ ip: '10.0.0.26' }], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }] },
  },
  {
    test: 'Ingress API should support creating Ingress API operations',
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    object: {
      spec: {
        defaultBackend: { service: { name: 'default-backend', port: { name: 'http', number: 0 } } },
        rules: [
          {
            host: 'mars.example.com',
            http: {
              paths: [
                {
                  path: '/',
                  pathType: 'ImplementationSpecific',
                  backend: { service: { name: 'b', port: { number: 80 } } },
                },
              ],
            },
          },
        ],
      },
    },
    status: {
      patch: { loadBalancer: { ingress: [{ ip: '169.1.1.1' }] } },
      update: { loadBalancer: { ingress: [{ ip: '169.1.1.2' }] } },
    },
  },
  {
    test: 'IngressClass API should support creating IngressClass API operations',
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    object: { spec: { controller: 'example.com/e2e' } },
  },
  {
    test: 'ServiceCIDR and IPAddress API should support ServiceCIDR API operations',
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    object: {},
    each: (index) => ({ spec: { cidrs: [`10.20${index}.0.0/24`] } }),
    status: withTimes,
    lingers: true,
  },
  {
    test: 'ServiceCIDR and IPAddress API should support IPAddress API operations',
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    object: { spec: { parentRef: { group: '', resource: 'services', namespace: 'default', name: 'foo' } } },
    names: ['192.168.1.10', '192.168.1.11', '192.168.1.12'],
  },
  {
    test: 'Services should complete a service status lifecycle, and delete a collection of services',
    apiVersion: 'v1',
    kind: 'Service',
    object: {
      spec: { type: 'LoadBalancer', ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 80 }] },
    },
    status: {
      patch: { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } },
      update: condition('StatusUpdate'),
    },
  },
  {
    test: 'NetworkPolicy API should support creating NetworkPolicy API operations',
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    object: {
      spec: { podSelector: { matchLabels: { 'pod-name': 'test-pod' } }, ingress: [{ from: [{ podSelector: {} }] }] },
    },
  },
];

const nodes: readonly Lifecycle[] = [
  {
    test: 'RuntimeClass should support RuntimeClasses API operations',
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    object: { handler: 'e2e-handler' },
  },
  {
    test: 'Lease lease API should be available',
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    object: {
      spec: {
        holderIdentity: 'holder',
        leaseDurationSeconds: 30,
        acquireTime: '2026-01-02T03:04:05.000000Z',
        renewTime: '2026-01-02T03:04:10.000000Z',
        leaseTransitions: 0,
      },
    },
    patch: { spec: { leaseDurationSeconds: 60 } },
    update: { spec: { holderIdentity: 'holder2', leaseTransitions: 1 } },
  },
  {
    test: 'PodTemplates should run the lifecycle of PodTemplates, delete a collection, and replace a pod template',
    apiVersion: 'v1',
    kind: 'PodTemplate',
    object: { template },
  },
];

const storage: readonly Lifecycle[] = [
  {
    test: 'CSIStorageCapacity should support CSIStorageCapacities API operations',
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIStorageCapacity',
    object: { storageClassName: 'e2e-class', nodeTopology: { matchLabels }, capacity: '1Gi' },
    update: { capacity: '2Gi' },
  },
  {
    test: 'CSINodes CSI Conformance should run through the lifecycle of a csinode',
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    object: {
      spec: { drivers: [{ name: 'e2e.example.com', nodeID: 'e2e-node', topologyKeys: ['example.com/zone'] }] },
    },
  },
  {
    test: 'CSIInlineVolumes should run through the lifecycle of a CSIDriver',
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    object: { spec: { volumeLifecycleModes: ['Ephemeral'], podInfoOnMount: true } },
    update: { spec: { requiresRepublish: true } },
  },
  {
    test: 'StorageClasses CSI Conformance should run through the lifecycle of a StorageClass',
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    object: { provisioner: 'e2e-fake-provisioner', reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' },
  },
  {
    test: 'VolumeAttachment Conformance should run through the lifecycle, and apply changes to a VolumeAttachment status',
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttachment',
    object: {
      spec: { attacher: 'e2e-test.storage.k8s.io', nodeName: 'e2e-node', source: { persistentVolumeName: 'e2e-pv' } },
    },
    status: { patch: { attached: true }, update: { attached: false } },
  },
  {
    test: 'VolumeAttributesClass should run through the lifecycle of a VolumeAttributesClass',
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttributesClass',
    object: { driverName: 'e2e-fake-csi-driver', parameters: { iops: '1000' } },
    lingers: true,
  },
  {
    test: 'PersistentVolumes CSI Conformance should run through the lifecycle of a PV, and apply changes to a pv status',
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    object: {
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '2Gi' },
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: 'e2e-none',
        csi: { driver: 'e2e-driver-example.com', volumeHandle: 'e2e-handle' },
      },
    },
    status: {
      patch: { message: 'StatusPatched', reason: 'E2E patchStatus' },
      update: { message: 'StatusUpdated', reason: 'E2E updateStatus' },
    },
    lingers: true,
  },
  {
    test: 'PersistentVolumes CSI Conformance should run through the lifecycle of a PVC, and apply changes to a pvc status',
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    object: {
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'e2e-none',
        resources: { requests: { storage: '2Gi' } },
      },
    },
    status: conditions,
    lingers: true,
  },
];

const core: readonly Lifecycle[] = [
  {
    test: 'ConfigMap should run through a ConfigMap lifecycle',
    apiVersion: 'v1',
    kind: 'ConfigMap',
    object: { data: { valueName: 'value' }, binaryData: { raw: 'AAEC/w==' } },
    patch: { data: { valueName: 'value1' } },
    update: { data: { added: 'too' } },
  },
  {
    test: 'Secrets should patch a secret',
    apiVersion: 'v1',
    kind: 'Secret',
    object: { type: 'Opaque', data: { key: 'dmFsdWU=' } },
    patch: { data: { key: 'dmFsdWUx' } },
  },
  {
    test: 'ServiceAccounts should run through the lifecycle of a ServiceAccount, and update a ServiceAccount',
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    object: {},
    patch: { automountServiceAccountToken: false },
    update: { automountServiceAccountToken: true },
  },
  {
    test: 'Events should manage the lifecycle of an event, and delete a collection of events',
    apiVersion: 'v1',
    kind: 'Event',
    object: {
      message: 'This is a test event',
      reason: 'Test',
      type: 'Normal',
      count: 1,
      involvedObject: { namespace: 'lifecycle-1' },
      source: { component: 'kubelet' },
    },
    patch: { message: 'This is a test event - patched' },
    update: { series: { count: 100, lastObservedTime: '2017-09-19T13:49:16.000000Z' } },
  },
  {
    test: 'Events API should delete a collection of events',
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    object: {
      regarding: { namespace: 'lifecycle-1' },
      eventTime: '2017-09-19T13:49:16.000005Z',
      note: 'This is a test event',
      reason: 'Test',
      action: 'Do',
      type: 'Normal',
      reportingController: 'test-controller',
      reportingInstance: 'test-node',
    },
    patch: {},
    update: { series: { count: 100, lastObservedTime: '2017-09-19T13:49:16.000000Z' } },
  },
  {
    test: 'LimitRange should list, patch and delete a LimitRange by collection',
    apiVersion: 'v1',
    kind: 'LimitRange',
    object: { spec: { limits: [{ type: 'Container', max: { cpu: '500m', memory: '500Mi' } }] } },
    update: { spec: { limits: [{ type: 'Container', min: { cpu: '50m' }, max: { cpu: '500m', memory: '500Mi' } }] } },
  },
  {
    test: 'ResourceQuota should manage the lifecycle of a ResourceQuota',
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    object: { spec: { hard: { cpu: '1', memory: '500Mi' } } },
    patch: { spec: { hard: { memory: '750Mi' } } },
    status: { patch: { hard: { cpu: '1' } }, update: { hard: { memory: '750Mi' } } },
  },
  {
    test: 'PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods',
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    object: { value: 100, description: 'e2e' },
    patch: { description: 'patched' },
    update: { description: 'updated' },
  },
];

const apps: readonly Lifecycle[] = [
  {
    test: 'ControllerRevision should manage the lifecycle of a ControllerRevision (without its DaemonSet)',
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    object: { data: { spec: { template: { $patch: 'replace', ...template } } }, revision: 2 },
    update: { revision: 3 },
  },
  {
    test: 'DaemonSet should verify changes to a daemon set status, and list and delete a collection of DaemonSets',
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    object: { spec: { selector: { matchLabels }, template } },
    status: conditions,
  },
  {
    test: 'StatefulSet should validate Statefulset Status endpoints, list, patch and delete a collection of StatefulSets',
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    object: { spec: { selector: { matchLabels }, serviceName: 'e2e', replicas: 1, template } },
    status: conditions,
  },
  {
    test: 'Deployment should validate Deployment Status endpoints',
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    object: { spec: { selector: { matchLabels }, replicas: 0, template } },
    status: conditions,
  },
  {
    test: 'ReplicaSet should validate Replicaset Status endpoints, and list and delete a collection of ReplicaSets',
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    object: { spec: { selector: { matchLabels }, replicas: 0, template } },
    status: conditions,
  },
  {
    test: 'ReplicationController should test the lifecycle of a ReplicationController (its API)',
    apiVersion: 'v1',
    kind: 'ReplicationController',
    object: { spec: { selector: matchLabels, replicas: 0, template } },
    status: conditions,
    lingers: true,
  },
  {
    test: 'DisruptionController should update/patch PodDisruptionBudget status, list and delete a collection',
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    object: { spec: { selector: { matchLabels: { none: 'such' } }, minAvailable: '1%' } },
    patch: { spec: { minAvailable: '30%' } },
    update: { spec: { minAvailable: '20%' } },
  },
  {
    test: 'HorizontalPodAutoscaler API operations (autoscaling/v2)',
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    object: {
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' },
        maxReplicas: 3,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
        ],
      },
    },
    status: { patch: { currentReplicas: 1, desiredReplicas: 2 }, update: { desiredReplicas: 3 } },
  },
];

const selectors = [{ cel: { expression: 'device.driver == "example.com"' } }];
const requests = [{ name: 'r', exactly: { deviceClassName: 'e2e', allocationMode: 'ExactCount', count: 1 } }];

const dynamicResources: readonly Lifecycle[] = [
  {
    test: 'DRA should support DeviceClass API operations',
    apiVersion: 'resource.k8s.io/v1',
    kind: 'DeviceClass',
    object: { spec: { selectors } },
  },
  {
    test: 'DRA should support ResourceClaim API operations',
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    object: { spec: { devices: { requests } } },
    status: {
      patch: {
        allocation: { devices: { results: [{ request: 'r', driver: 'example.com', pool: 'p', device: 'd' }] } },
      },
      update: { reservedFor: [{ resource: 'pods', name: 'pod-0', uid: 'a7e9c0b4-0000-4000-8000-000000000001' }] },
    },
  },
  {
    test: 'DRA should support ResourceClaimTemplate API operations',
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaimTemplate',
    object: { spec: { spec: { devices: { requests } } } },
  },
  {
    test: 'DRA should support ResourceSlice API operations',
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceSlice',
    object: {
      spec: {
        driver: 'e2e.example.com',
        nodeName: 'some-node',
        pool: { name: 'pool', generation: 1, resourceSliceCount: 3 },
        devices: [{ name: 'device-1' }],
      },
    },
  },
];

export const lifecycles: readonly Lifecycle[] = [
  ...flowControl,
  ...admission,
  ...webhooks,
  ...batch,
  ...network,
  ...nodes,
  ...storage,
  ...core,
  ...apps,
  ...dynamicResources,
];
