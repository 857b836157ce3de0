/** Volumes, claims, classes, attachments, and what CSI drivers say of themselves. */
import { testCases } from './testing.ts';

const claim = {
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
};
const volume = {
  metadata: { name: 'v' },
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/data' } },
};
const affinity = { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }] } };
const csi = { driver: 'csi.example.com', volumeHandle: 'x' };
const modes = 'supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"';
const fixedClaim =
  'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims…';
const secretRef = { name: 'a', namespace: 'b' };

testCases([
  {
    resource: 'persistentvolumeclaims',
    valid: claim,
    // Claims would have its class.
    without: { 'storageclasses.storage.k8s.io': 'naru-local' },
    cases: [
      {
        name: 'refuses a claim without access modes',
        changes: { 'spec.accessModes': undefined },
        errors: ['spec.accessModes: Required value: at least 1 access mode is required'],
      },
      {
        name: 'refuses an access mode that is none',
        changes: { 'spec.accessModes': ['ReadOften'] },
        errors: [`spec.accessModes: Unsupported value: "ReadOften": ${modes}`],
      },
      {
        name: 'refuses one pod alone together with others',
        changes: { 'spec.accessModes': ['ReadWriteOncePod', 'ReadOnlyMany'] },
        errors: ['spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes'],
      },
      {
        name: 'refuses a claim without a size',
        changes: { 'spec.resources': undefined },
        errors: ['spec.resources[storage]: Required value'],
      },
      {
        name: 'refuses no bytes at all',
        changes: { 'spec.resources.requests.storage': '0' },
        errors: ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
      },
      {
        name: 'refuses a class by a bad name',
        changes: { 'spec.storageClassName': 'Fast!' },
        errors: ['spec.storageClassName: Invalid value: "Fast!": a lowercase RFC 1123 subdomain…'],
      },
      {
        name: 'refuses a mode that is none',
        changes: { 'spec.volumeMode': 'Tape' },
        errors: ['spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"'],
      },
      {
        name: 'accepts another claim as source',
        changes: { 'spec.dataSource': { kind: 'PersistentVolumeClaim', name: 'old' } },
      },
      {
        name: 'lets a source of the core group fall that is no claim',
        changes: { 'spec.dataSource': { kind: 'Pod', name: 'p' } },
      },
      {
        name: 'refuses a reference to one',
        changes: { 'spec.dataSourceRef': { kind: 'Pod', name: 'p' } },
        errors: [
          'spec.dataSource: Invalid value: "Pod": must be \'PersistentVolumeClaim\' when referencing the default apiGroup',
          'spec.dataSourceRef: Invalid value: "Pod": must be \'PersistentVolumeClaim\' when referencing the default apiGroup',
        ],
      },
      {
        name: 'refuses a snapshot without a name',
        changes: { 'spec.dataSource': { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: '' } },
        errors: ['spec.dataSource.name: Required value', 'spec.dataSourceRef.name: Required value'],
      },
      {
        name: 'refuses a reference to a group that is none',
        changes: { 'spec.dataSourceRef': { apiGroup: '^invalid', kind: 'Foo', name: 'foo' } },
        errors: [
          'spec.dataSource.apiGroup: Invalid value: "^invalid": a lowercase RFC 1123 subdomain…',
          'spec.dataSourceRef.apiGroup: Invalid value: "^invalid": a lowercase RFC 1123 subdomain…',
        ],
      },
      {
        name: 'refuses sources that differ',
        changes: {
          'spec.dataSource': { kind: 'PersistentVolumeClaim', name: 'a' },
          'spec.dataSourceRef': { kind: 'PersistentVolumeClaim', name: 'b' },
        },
        errors: ['spec: Invalid value: {}: must match dataSourceRef'],
      },
      {
        name: 'refuses a bad selector',
        changes: { 'spec.selector': { matchExpressions: [{ key: 'a', operator: 'In' }] } },
        errors: [
          "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ],
      },
      { name: 'refuses another access mode', update: { 'spec.accessModes': ['ReadOnlyMany'] }, errors: [fixedClaim] },
      {
        name: 'refuses that a claim without a volume grows',
        update: { 'spec.resources.requests.storage': '2Gi' },
        errors: [fixedClaim],
      },
      { name: 'accepts the volume once', update: { 'spec.volumeName': 'v' } },
      {
        name: 'refuses another volume',
        changes: { 'spec.volumeName': 'v' },
        update: { 'spec.volumeName': 'w' },
        errors: [fixedClaim],
      },
      { name: 'accepts a class where there was none', update: { 'spec.storageClassName': 'fast' } },
      {
        name: 'refuses another class',
        changes: { 'spec.storageClassName': 'slow' },
        update: { 'spec.storageClassName': 'fast' },
        errors: [fixedClaim],
      },
      {
        name: 'refuses another volume mode',
        update: { 'spec.volumeMode': 'Block' },
        errors: [fixedClaim, 'volumeMode: Invalid value: "Block": field is immutable'],
      },
      {
        name: 'refuses that the class of the attributes is taken away',
        changes: { 'spec.volumeAttributesClassName': 'a' },
        update: { 'spec.volumeAttributesClassName': undefined },
        errors: [
          fixedClaim,
          'spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden',
        ],
      },
      {
        name: 'refuses a report of other resources than storage',
        subresource: 'status',
        update: { 'status.allocatedResources': { cpu: '1' } },
        errors: ['status.allocatedResources: Unsupported value: "cpu": supported values: "storage"'],
      },
      {
        name: 'refuses a state of growth that is none',
        subresource: 'status',
        update: { 'status.allocatedResourceStatuses': { storage: 'Soon' } },
        errors: [
          'status.allocatedResourceStatus: Unsupported value: "storage": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible"…',
        ],
      },
    ],
  },
  {
    resource: 'persistentvolumes',
    valid: volume,
    cases: [
      {
        name: 'asks of a disk what a pod’s volume is asked',
        changes: {
          'spec.hostPath': undefined,
          'spec.iscsi': { targetPortal: '10.0.0.1:3260', iqn: 'disk', lun: 0, secretRef: { namespace: 'default' } },
        },
        errors: [
          'spec.iscsi.iqn: Invalid value: "disk": must be valid format starting with iqn, eui, or naa',
          'spec.iscsi.secretRef.name: Required value',
        ],
      },
      {
        name: 'refuses a partition beyond the last',
        changes: {
          'spec.hostPath': undefined,
          'spec.awsElasticBlockStore': { volumeID: 'v', partition: 256 },
        },
        errors: ['spec.awsElasticBlockStore.partition: Invalid value: 256: must be between 1 and 255, inclusive'],
      },
      {
        name: 'refuses a volume without access modes',
        changes: { 'spec.accessModes': [] },
        errors: ['spec.accessModes: Required value'],
      },
      {
        name: 'refuses a volume without a size',
        changes: { 'spec.capacity': undefined },
        errors: [
          'spec.capacity: Required value',
          'spec.capacity: Unsupported value: null: supported values: "storage"',
        ],
      },
      {
        name: 'refuses other capacities',
        changes: { 'spec.capacity': { cpu: '1' } },
        errors: ['spec.capacity: Unsupported value: {"cpu":"1"}: supported values: "storage"'],
      },
      {
        name: 'refuses no bytes at all',
        changes: { 'spec.capacity.storage': '0' },
        errors: ['spec.capacity[storage]: Invalid value: "0": must be greater than zero'],
      },
      {
        name: 'refuses a volume without a source',
        changes: { 'spec.hostPath': undefined },
        errors: ['spec: Required value: must specify a volume type'],
      },
      {
        name: 'refuses two sources',
        changes: { 'spec.nfs': { server: 'a', path: '/' } },
        errors: ['spec.nfs: Forbidden: may not specify more than 1 volume type'],
      },
      {
        name: 'refuses a way up',
        changes: { 'spec.hostPath.path': '/a/../b' },
        errors: [`spec.hostPath.path: Invalid value: "/a/../b": must not contain '..'`],
      },
      {
        name: 'refuses to empty a node’s root',
        changes: { 'spec.hostPath.path': '/', 'spec.persistentVolumeReclaimPolicy': 'Recycle' },
        errors: ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
      },
      {
        name: 'refuses a policy that is none',
        changes: { 'spec.persistentVolumeReclaimPolicy': 'Burn' },
        errors: [
          'spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Recycle", "Retain"',
        ],
      },
      {
        name: 'accepts a local volume where it says on which node',
        changes: { 'spec.hostPath': undefined, 'spec.local': { path: '/d' }, 'spec.nodeAffinity': affinity },
      },
      {
        name: 'refuses one that does not',
        changes: { 'spec.hostPath': undefined, 'spec.local': { path: '/d' } },
        errors: ['spec.nodeAffinity: Required value: Local volume requires node affinity'],
      },
      {
        name: 'refuses an affinity to nothing',
        changes: { 'spec.nodeAffinity': {} },
        errors: ['spec.nodeAffinity.required: Required value: must specify required node constraints'],
      },
      {
        name: 'accepts a CSI volume with its secrets',
        changes: { 'spec.hostPath': undefined, 'spec.csi': { ...csi, nodePublishSecretRef: secretRef } },
      },
      {
        name: 'refuses a CSI volume without a handle',
        changes: { 'spec.hostPath': undefined, 'spec.csi': { driver: 'csi.example.com' } },
        errors: ['spec.csi.volumeHandle: Required value'],
      },
      {
        name: 'refuses a driver whose name is too long',
        changes: { 'spec.hostPath': undefined, 'spec.csi': { ...csi, driver: 'a'.repeat(64) } },
        errors: ['spec.csi.driver: Too long: may not be more than 63 bytes'],
      },
      {
        name: 'refuses a secret without a namespace',
        changes: { 'spec.hostPath': undefined, 'spec.csi': { ...csi, controllerExpandSecretRef: { name: 'a' } } },
        errors: ['spec.csi.controllerExpandSecretRef.namespace: Required value'],
      },
      {
        name: 'refuses an NFS folder that is none',
        changes: { 'spec.hostPath': undefined, 'spec.nfs': { server: 'a', path: 'b' } },
        errors: ['spec.nfs.path: Invalid value: "b": must be an absolute path'],
      },
      {
        name: 'refuses attributes of a class without CSI',
        changes: { 'spec.volumeAttributesClassName': 'fast' },
        errors: ['spec.csi: Required value: has to be specified when using volumeAttributesClassName'],
      },
      {
        name: 'refuses another source',
        update: { 'spec.hostPath.path': '/other' },
        errors: ['spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation…'],
      },
      { name: 'accepts a larger size', update: { 'spec.capacity.storage': '2Gi' } },
      {
        name: 'refuses another mode',
        update: { 'spec.volumeMode': 'Block' },
        errors: ['volumeMode: Invalid value: "Block": field is immutable'],
      },
      { name: 'accepts an affinity where there was none', update: { 'spec.nodeAffinity': affinity } },
      {
        name: 'refuses another affinity',
        changes: { 'spec.nodeAffinity': affinity },
        update: { 'spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key': 'b' },
        errors: ['nodeAffinity: Invalid value: …'],
      },
      {
        name: 'accepts the new name of a label in it',
        changes: {
          'spec.nodeAffinity': {
            required: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'beta.kubernetes.io/os', operator: 'Exists' }] }],
            },
          },
        },
        update: { 'spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key': 'kubernetes.io/os' },
      },
    ],
  },
  {
    resource: 'storageclasses.storage.k8s.io',
    valid: { metadata: { name: 'fast' }, provisioner: 'example.com/disk', parameters: { type: 'ssd' } },
    cases: [
      {
        name: 'refuses a class without a provisioner',
        changes: { provisioner: undefined },
        errors: ['provisioner: Required value'],
      },
      {
        name: 'refuses a provisioner by a bad name',
        changes: { provisioner: 'a/b/c' },
        errors: ['provisioner: Invalid value: "a/b/c": a valid label key…'],
      },
      {
        name: 'refuses to recycle',
        changes: { reclaimPolicy: 'Recycle' },
        errors: ['reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"'],
      },
      {
        name: 'refuses a parameter without a name',
        changes: { parameters: { '': 'x' } },
        errors: ['parameters: Invalid value: "": field can not be empty.'],
      },
      {
        name: 'refuses too much in parameters',
        changes: { parameters: { a: 'x'.repeat(256 * 1024) } },
        errors: ['parameters: Too long: may not be more than 262144 bytes'],
      },
      {
        name: 'refuses a topology without values',
        changes: { allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: [] }] }] },
        errors: ['allowedTopologies[0].matchLabelExpressions[0].values: Required value'],
      },
      {
        name: 'refuses a topology twice',
        changes: {
          allowedTopologies: [
            { matchLabelExpressions: [{ key: 'z', values: ['a', 'b'] }] },
            { matchLabelExpressions: [{ key: 'z', values: ['b', 'a'] }] },
          ],
        },
        errors: ['allowedTopologies[1].matchLabelExpressions: Duplicate value: ""'],
      },
      {
        name: 'refuses other parameters',
        update: { 'parameters.type': 'tape' },
        errors: ['parameters: Invalid value: {"type":"tape"}: field is immutable'],
      },
      {
        name: 'refuses another policy and mode',
        update: { reclaimPolicy: 'Retain', volumeBindingMode: 'WaitForFirstConsumer' },
        errors: [
          'reclaimPolicy: Invalid value: "Retain": field is immutable',
          'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
        ],
      },
      { name: 'accepts that volumes may grow', update: { allowVolumeExpansion: true } },
    ],
  },
  {
    resource: 'volumeattributesclasses.storage.k8s.io',
    valid: { metadata: { name: 'fast' }, driverName: 'csi.example.com', parameters: { iops: '5' } },
    cases: [
      {
        name: 'refuses a class without parameters',
        changes: { parameters: undefined },
        errors: ['parameters: Required value: must contain at least one key/value pair'],
      },
      {
        name: 'refuses other parameters',
        update: { 'parameters.iops': '6' },
        errors: ['parameters: Forbidden: updates to parameters are forbidden.'],
      },
      {
        name: 'refuses another driver',
        update: { driverName: 'other.example.com' },
        errors: ['driverName: Forbidden: updates to driverName are forbidden.'],
      },
    ],
  },
  {
    resource: 'volumeattachments.storage.k8s.io',
    valid: {
      metadata: { name: 'a' },
      spec: { attacher: 'csi.example.com', nodeName: 'n', source: { persistentVolumeName: 'v' } },
    },
    cases: [
      {
        name: 'refuses an attachment of nothing',
        changes: { 'spec.source': {} },
        errors: ['spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName'],
      },
      {
        name: 'refuses an attachment by nobody',
        changes: { 'spec.attacher': '' },
        errors: ['spec.attacher: Required value'],
      },
      {
        name: 'accepts a volume of its own',
        changes: { 'spec.source': { inlineVolumeSpec: { accessModes: ['ReadWriteOnce'], csi } } },
      },
      {
        name: 'refuses one that is of no driver',
        changes: { 'spec.source': { inlineVolumeSpec: { accessModes: ['ReadWriteOnce'], hostPath: { path: '/a' } } } },
        errors: [
          'spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes',
        ],
      },
      { name: 'refuses another node', update: { 'spec.nodeName': 'm' }, errors: ['spec: Invalid value: …'] },
      {
        name: 'refuses too much of an error',
        subresource: 'status',
        update: { 'status.attachError': { message: 'x'.repeat(1025) } },
        errors: ['status.attachError.message: Too long: may not be more than 262144 bytes'],
      },
    ],
  },
  {
    resource: 'csidrivers.storage.k8s.io',
    valid: { metadata: { name: 'csi.example.com' }, spec: { tokenRequests: [{ audience: 'a' }] } },
    cases: [
      {
        name: 'refuses an audience twice',
        changes: { 'spec.tokenRequests': [{ audience: 'a' }, { audience: 'a' }] },
        errors: ['spec.tokenRequests[1].audience: Duplicate value: "a"'],
      },
      {
        name: 'refuses a token of a minute',
        changes: { 'spec.tokenRequests[0].expirationSeconds': 60 },
        errors: [
          'spec.tokenRequests[0].expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
        ],
      },
      {
        name: 'refuses a life of volumes that is none',
        changes: { 'spec.volumeLifecycleModes': ['Always'] },
        errors: ['spec.volumeLifecycleModes: Unsupported value: "Always": supported values: "Persistent", "Ephemeral"'],
      },
      {
        name: 'refuses tokens in secrets where there are none',
        changes: { 'spec.tokenRequests': undefined, 'spec.serviceAccountTokenInSecrets': true },
        errors: [
          'spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified',
        ],
      },
      {
        name: 'refuses to report too often',
        changes: { 'spec.nodeAllocatableUpdatePeriodSeconds': 5 },
        errors: [
          'spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 5: must be greater than or equal to 10 seconds',
        ],
      },
      {
        name: 'refuses that it attaches no more',
        update: { 'spec.attachRequired': false },
        errors: ['spec.attachedRequired: Invalid value: false: field is immutable'],
      },
    ],
  },
  {
    resource: 'csinodes.storage.k8s.io',
    valid: { metadata: { name: 'n' }, spec: { drivers: [{ name: 'csi.example.com', nodeID: 'x' }] } },
    cases: [
      {
        name: 'refuses a driver twice',
        changes: {
          'spec.drivers': [
            { name: 'a', nodeID: 'x' },
            { name: 'a', nodeID: 'y' },
          ],
        },
        errors: ['spec.drivers[1].name: Duplicate value: "a"'],
      },
      {
        name: 'refuses a driver that does not know the node',
        changes: { 'spec.drivers[0].nodeID': '' },
        errors: ['spec.drivers[0].nodeID: Required value'],
      },
      {
        name: 'refuses less than no volumes',
        changes: { 'spec.drivers[0].allocatable': { count: -1 } },
        errors: ['spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0'],
      },
      {
        name: 'accepts another number of volumes',
        changes: { 'spec.drivers[0].allocatable': { count: 1 } },
        update: { 'spec.drivers[0].allocatable.count': 2 },
      },
      {
        name: 'refuses another name of the node',
        update: { 'spec.drivers[0].nodeID': 'y' },
        errors: ['spec.drivers: Invalid value: {"name":"csi.example.com","nodeID":"y"…'],
      },
    ],
  },
  {
    resource: 'csistoragecapacities.storage.k8s.io',
    valid: { metadata: { name: 'c' }, storageClassName: 'fast', capacity: '1Gi' },
    cases: [
      {
        name: 'refuses space of no class',
        changes: { storageClassName: '' },
        errors: ['storageClassName: Invalid value: "": a lowercase RFC 1123 subdomain…'],
      },
      {
        name: 'refuses less than no space',
        changes: { capacity: '-1' },
        errors: ['capacity: Invalid value: "-1": must be greater than or equal to 0'],
      },
      {
        name: 'refuses another class',
        update: { storageClassName: 'slow' },
        errors: ['storageClassName: Invalid value: "slow": field is immutable'],
      },
    ],
  },
]);
