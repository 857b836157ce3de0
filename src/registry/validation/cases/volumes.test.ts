/** What upstream accepts and refuses of a pod's volumes. */
import type { JsonValue } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const at = 'spec.volumes[0]';

/** A volume of one source. Errors that are not of the spec are told from the volume. */
function volume(name: string, source: Readonly<Record<string, JsonValue>>, ...errors: string[]): ValidationCase {
  const changes = { 'spec.volumes': [{ name: 'v', ...source }] };
  return { name, changes, errors: errors.map((error) => `${at}${error}`) };
}

const relative = 'must be a relative path';
const mode = 'must be a number between 0 and 0777 (octal), both inclusive';
const more = 'Forbidden: may not specify more than 1 volume type';
const startOf = 'must be valid format starting with iqn, eui, or naa';
const token = { path: 'token', expirationSeconds: 3600 };
const file = { path: 'name', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } };
const claim = { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };

testCases([
  {
    resource: 'pods',
    valid: {
      metadata: { name: 'pod' },
      spec: { containers: [{ name: 'main', image: 'registry.example/app:1' }], volumes: [] },
    },
    cases: [
      {
        name: 'takes one volume of each kind that works',
        changes: {
          'spec.volumes': [
            { name: 'a', emptyDir: { medium: 'Memory', sizeLimit: '1Gi' } },
            { name: 'b', hostPath: { path: '/var/log', type: 'Directory' } },
            { name: 'c', secret: { secretName: 's', defaultMode: 256, items: [{ key: 'k', path: 'a/b', mode: 511 }] } },
            { name: 'd', configMap: { name: 'c', optional: true } },
            { name: 'e', downwardAPI: { items: [file] } },
            { name: 'f', projected: { sources: [{ secret: { name: 's' } }, { serviceAccountToken: token }] } },
            { name: 'g', persistentVolumeClaim: { claimName: 'data' } },
            { name: 'h', ephemeral: { volumeClaimTemplate: claim } },
            { name: 'i', image: { reference: 'registry.example/data:1' } },
            { name: 'j', csi: { driver: 'a.example' } },
            { name: 'k', nfs: { server: 's', path: '/x' } },
            { name: 'l', iscsi: { targetPortal: '10.0.0.1', iqn: 'iqn.2015-02.example.com:test', lun: 0 } },
          ],
        },
      },
      volume('makes a volume of no kind an empty folder', {}),
      {
        name: 'refuses a volume without a name',
        changes: { 'spec.volumes': [{ emptyDir: {} }] },
        errors: [`${at}.name: Required value`],
      },
      {
        name: 'refuses a name that is no label',
        changes: { 'spec.volumes': [{ name: 'a.b', emptyDir: {} }] },
        errors: [`${at}.name: Invalid value: "a.b": must not contain dots`],
      },
      {
        name: 'refuses a name twice',
        changes: { 'spec.volumes': [{ name: 'v' }, { name: 'v' }] },
        errors: ['spec.volumes[1].name: Duplicate value: "v"'],
      },
      volume(
        'refuses two kinds at once, and looks at the first only',
        { emptyDir: {}, hostPath: {} },
        `.hostPath: ${more}`,
      ),
      volume(
        'names some of them in its own way',
        { emptyDir: {}, downwardAPI: {}, cephfs: { monitors: ['a'] } },
        `.cephFS: ${more}`,
        `.downwarAPI: ${more}`,
      ),
      {
        name: 'says of a mount that its volume is not there, where the volume is faulty',
        changes: {
          'spec.volumes': [{ name: 'v', secret: {} }],
          'spec.containers[0].volumeMounts': [{ name: 'v', mountPath: '/v' }],
        },
        errors: [`${at}.secret.secretName: Required value`, 'spec.containers[0].volumeMounts[0].name: Not found: "v"'],
      },

      volume(
        'refuses a size below zero',
        { emptyDir: { sizeLimit: '-1' } },
        '.emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity',
      ),
      volume(
        'refuses a folder of the node that is not named',
        { hostPath: { type: 'x' } },
        '.hostPath.path: Required value',
      ),
      volume(
        'refuses a folder that climbs, of a type that there is not',
        { hostPath: { path: '/a/../b', type: 'Pipe' } },
        '.hostPath.path: Invalid value: "/a/../b": must not contain \'..\'',
        '.hostPath.type: Unsupported value: "Pipe": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
      ),
      volume(
        'refuses files of a secret without keys, out of the volume, or of no mode',
        {
          secret: {
            secretName: 's',
            defaultMode: 512,
            items: [{}, { key: 'a', path: '/b' }, { key: 'a', path: '..b', mode: -1 }],
          },
        },
        `.secret.defaultMode: Invalid value: 512: ${mode}`,
        '.secret.items[0].key: Required value',
        '.secret.items[0].path: Required value',
        `.secret.items[1].path: Invalid value: "/b": ${relative}`,
        '.secret.items[2].path: Invalid value: "..b": must not start with \'..\'',
        `.secret.items[2].mode: Invalid value: -1: ${mode}`,
      ),
      volume(
        'refuses a config map without a name',
        { configMap: { items: [{ key: 'a', path: 'b/../../c' }] } },
        '.configMap.name: Required value',
        '.configMap.items[0].path: Invalid value: "b/../../c": must not contain \'..\'',
      ),
      volume(
        'refuses facts about the pod of no kind, of both, and of no path',
        {
          downwardAPI: {
            items: [
              { path: 'a' },
              { ...file, resourceFieldRef: { containerName: 'main', resource: 'limits.cpu' } },
              { ...file, path: '' },
            ],
          },
        },
        '.downwardAPI: Required value: one of fieldRef and resourceFieldRef is required',
        '.downwardAPI: Invalid value: "resource": fieldRef and resourceFieldRef can not be specified simultaneously',
        '.downwardAPI.path: Required value',
      ),
      volume('takes all labels as a file', {
        downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.labels' } }] },
      }),
      volume(
        'refuses facts that no file can have',
        { downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'status.podIP' } }] } },
        '.downwardAPI.fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"',
      ),
      volume(
        'refuses a resource of no container',
        { downwardAPI: { items: [{ path: 'a', resourceFieldRef: { resource: 'limits.cpu' } }] } },
        '.downwardAPI.resourceFieldRef.containerName: Required value',
      ),
      volume(
        'refuses two sources in one place, and one path twice',
        {
          projected: {
            sources: [
              {
                secret: { name: 's', items: [{ key: 'a', path: 'x' }] },
                configMap: { name: 'c', items: [{ key: 'a', path: 'x' }] },
              },
            ],
          },
        },
        '.projected: Invalid value: "c": conflicting duplicate paths',
        '.projected.sources[0]: Forbidden: may not specify more than 1 volume type per source',
      ),
      volume(
        'refuses a token that ends too soon, of no path',
        { projected: { defaultMode: 512, sources: [{ serviceAccountToken: { expirationSeconds: 599 } }] } },
        `.projected.defaultMode: Invalid value: 512: ${mode}`,
        '.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
        '.projected.path: Required value',
      ),
      volume(
        'refuses a token that lasts too long, outside of the volume',
        { projected: { sources: [{ serviceAccountToken: { path: '../t', expirationSeconds: 4294967297 } }] } },
        '.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
        '.projected.path: Invalid value: "../t": must not contain \'..\'',
      ),
      volume(
        'refuses sources without names',
        { projected: { sources: [{ secret: {} }, { configMap: {} }, { downwardAPI: { items: [{ path: 'a' }] } }] } },
        '.projected.sources[0].secret.name: Required value',
        '.projected.sources[1].configMap.name: Required value',
        '.projected.sources[2].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required',
      ),
      volume('drops certificates for pods, whose feature is off', {
        projected: { sources: [{ podCertificate: { signerName: 'x', keyType: 'y' } }] },
      }),
      volume('accepts bundles of trust, by name and by signer', {
        projected: {
          sources: [
            { clusterTrustBundle: { name: 'a.b:c:d', path: 'x' } },
            { clusterTrustBundle: { name: 'mine', path: 'y', optional: true } },
            { clusterTrustBundle: { signerName: 'a.b/c', labelSelector: { matchLabels: { a: 'b' } }, path: 'z' } },
          ],
        },
      }),
      volume(
        'refuses bundles of trust of no name, of two, and under bad ones',
        {
          projected: {
            sources: [
              { clusterTrustBundle: { path: '/x' } },
              { clusterTrustBundle: { name: 'A', labelSelector: {}, path: 'x' } },
              { clusterTrustBundle: { signerName: 'c', path: '' } },
              { clusterTrustBundle: { name: 'a', signerName: 'a.b/c', path: 'x' } },
            ],
          },
        },
        '.projected.sources[0].clusterTrustBundle: Required value: either name or signerName must be specified',
        '.projected.sources[0].clusterTrustBundle.path: Invalid value: "/x": must be a relative path',
        '.projected.sources[1].clusterTrustBundle.name: Invalid value: "A": not a valid clustertrustbundlename: a lowercase RFC 1123 subdomain…',
        '.projected.sources[1].clusterTrustBundle.labelSelector: Invalid value: {}: labelSelector must be unset if name is specified',
        `.projected.sources[2].clusterTrustBundle.signerName: Invalid value: "c": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
        '.projected.sources[2].clusterTrustBundle.path: Required value',
        '.projected.sources[3].clusterTrustBundle: Invalid value: {"name":"a","signerName":"a.b/c","path":"x"}: only one of name and signerName may be used',
        '.projected: Invalid value: "x": conflicting duplicate paths',
      ),
      volume(
        'refuses a claim without a name',
        { persistentVolumeClaim: { claimName: '' } },
        '.persistentVolumeClaim.claimName: Required value',
      ),
      {
        name: 'refuses a claim that is made for another volume',
        changes: {
          'spec.volumes': [
            { name: 'v', ephemeral: { volumeClaimTemplate: claim } },
            { name: 'w', persistentVolumeClaim: { claimName: 'pod-v' } },
          ],
        },
        errors: [
          'spec.volumes[1].persistentVolumeClaim.claimName: Invalid value: "pod-v": must not reference a PVC that gets created for an ephemeral volume',
        ],
      },
      volume('refuses a claim of no template', { ephemeral: {} }, '.ephemeral.volumeClaimTemplate: Required value'),
      volume(
        'refuses a template that asks for nothing, and is called something',
        { ephemeral: { volumeClaimTemplate: { metadata: { name: 'x', labels: { 'a b': 'c' } }, spec: {} } } },
        '.ephemeral.volumeClaimTemplate.metadata.labels: Invalid value: "a b": name part must consist…',
        '.ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set',
        '.ephemeral.volumeClaimTemplate.spec.accessModes: Required value: at least 1 access mode is required',
        '.ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value',
      ),
      volume('refuses an image that is not named', { image: {} }, '.image.reference: Required value'),
      volume(
        'refuses a pull policy that there is not',
        { image: { reference: 'a', pullPolicy: 'Maybe' } },
        '.image.pullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"',
      ),
      volume('refuses no driver', { csi: { driver: '' } }, '.csi.driver: Required value'),
      volume(
        'refuses a driver that is too long, and one that is no domain',
        { csi: { driver: `${'a'.repeat(63)}_` } },
        '.csi.driver: Too long: may not be more than 63 bytes',
        `.csi.driver: Invalid value: "${'a'.repeat(63)}_": a lowercase RFC 1123 subdomain…`,
      ),
      volume('takes a driver in capitals, and its secret', {
        csi: { driver: 'A.example', nodePublishSecretRef: { name: 's' } },
      }),
      volume(
        'refuses secrets of a driver that are not named',
        { csi: { driver: 'a', nodePublishSecretRef: {} } },
        '.csi.nodePublishSecretRef.name: Required value',
      ),
      volume(
        'refuses NFS of no server, at no path',
        { nfs: {} },
        '.nfs.server: Required value',
        '.nfs.path: Required value',
        '.nfs.path: Invalid value: "": must be an absolute path',
      ),
      volume(
        'refuses NFS at a relative path',
        { nfs: { server: 's', path: 'x' } },
        '.nfs.path: Invalid value: "x": must be an absolute path',
      ),
      volume(
        'refuses iSCSI of nothing',
        { iscsi: { lun: 256 } },
        '.iscsi.targetPortal: Required value',
        '.iscsi.iqn: Required value',
        '.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive',
      ),
      volume(
        'refuses names of iSCSI that are none',
        { iscsi: { targetPortal: 'p', iqn: 'abc', lun: 1, initiatorName: 'iqn.2015' } },
        `.iscsi.iqn: Invalid value: "abc": ${startOf}`,
        '.iscsi.initiatorname: Invalid value: "iqn.2015": must be valid format',
      ),
      volume('takes other names of iSCSI', {
        iscsi: { targetPortal: 'p', iqn: 'eui.0123456789ABCDEF', lun: 1, initiatorName: `naa.${'6'.repeat(32)}` },
      }),
      volume(
        'refuses signing in without a secret',
        { iscsi: { targetPortal: 'p', iqn: 'iqn.2015-02.a:b', lun: 1, chapAuthSession: true } },
        '.iscsi.secretRef: Required value',
      ),
      volume(
        'refuses a portal that is too long beside the volume’s name',
        { iscsi: { targetPortal: 'p'.repeat(64), iqn: 'iqn.2015-02.a:b', lun: 1, initiatorName: 'iqn.2015-02.a:c' } },
        '.name: Invalid value: "v": Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.',
      ),
      volume(
        'refuses Fibre Channel of nothing',
        { fc: {} },
        '.fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both',
      ),
      volume(
        'refuses Fibre Channel said twice, at no unit',
        { fc: { targetWWNs: ['a'], wwids: ['b'] } },
        '.fc.targetWWNs: Invalid value: ["a"]: targetWWNs and wwids can not be specified simultaneously',
        '.fc.lun: Required value: lun is required if targetWWNs is specified',
      ),
      volume(
        'refuses a unit beyond 255',
        { fc: { targetWWNs: ['a'], lun: 256 } },
        '.fc.lun: Invalid value: 256: must be between 0 and 255, inclusive',
      ),
      volume(
        'refuses a partition beyond 255',
        { gcePersistentDisk: { pdName: '', partition: 256 } },
        '.persistentDisk.pdName: Required value',
        '.persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive',
      ),
      volume(
        'refuses a disk without an id',
        { awsElasticBlockStore: { volumeID: '', partition: -1 } },
        '.awsElasticBlockStore.volumeID: Required value',
        '.awsElasticBlockStore.partition: Invalid value: -1: must be between 1 and 255, inclusive',
      ),
      volume(
        'refuses a repository of no address',
        { gitRepo: { repository: '', directory: '/a' } },
        '.gitRepo.repository: Required value',
        `.gitRepo.directory: Invalid value: "/a": ${relative}`,
      ),
      volume(
        'refuses GlusterFS of nothing',
        { glusterfs: { endpoints: '', path: '' } },
        '.glusterfs.endpoints: Required value',
        '.glusterfs.path: Required value',
      ),
      volume('refuses RBD of nothing', { rbd: {} }, '.rbd.monitors: Required value', '.rbd.image: Required value'),
      volume('refuses CephFS of nothing', { cephfs: {} }, '.cephfs.monitors: Required value'),
      volume(
        'refuses Cinder of nothing',
        { cinder: { volumeID: '', secretRef: {} } },
        '.cinder.volumeID: Required value',
        '.cinder.secretRef.name: Required value',
      ),
      volume(
        'refuses Flocker of nothing',
        { flocker: {} },
        '.flocker: Required value: one of datasetName and datasetUUID is required',
      ),
      volume(
        'refuses Flocker said twice',
        { flocker: { datasetName: 'a/b', datasetUUID: 'c' } },
        '.flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified simultaneously',
        '.flocker.datasetName: Invalid value: "a/b": must not contain \'/\'',
      ),
      volume(
        'refuses Quobyte at no host',
        { quobyte: { registry: 'a:1,b', volume: '' } },
        '.quobyte.registry: Invalid value: "a:1,b": must be a host:port pair or multiple pairs separated by commas',
        '.quobyte.volume: Required value',
      ),
      volume(
        'refuses options of others’ drivers that Kubernetes keeps for itself',
        { flexVolume: { driver: '', options: { 'Storage.K8s.io/x': 'y', 'a.example/z': 'w' } } },
        '.flexVolume.driver: Required value',
        '.flexVolume.options[Storage.K8s.io/x]: Invalid value: "Storage.K8s.io/x": kubernetes.io and k8s.io namespaces are reserved',
      ),
      volume(
        'refuses a file share of nothing',
        { azureFile: { secretName: '', shareName: '' } },
        '.azureFile.secretName: Required value',
        '.azureFile.shareName: Required value',
      ),
      volume(
        'refuses a managed disk of a shared one’s address',
        { azureDisk: { diskName: 'd', diskURI: 'https://x', kind: 'Managed', cachingMode: 'Fast' } },
        '.azureDisk.cachingMode: Unsupported value: "Fast": supported values: "None", "ReadOnly", "ReadWrite"',
        '.azureDisk.diskURI: Unsupported value: "https://x": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"',
      ),
      volume(
        'refuses a shared disk of a managed one’s address',
        { azureDisk: { diskName: 'd', diskURI: '/subscriptions/x' } },
        '.azureDisk.diskURI: Unsupported value: "/subscriptions/x": supported values: "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"',
      ),
      volume(
        'refuses disks of vSphere, Photon and Portworx without ids',
        { vsphereVolume: { volumePath: '' }, photonPersistentDisk: { pdID: '' }, portworxVolume: { volumeID: '' } },
        '.vsphereVolume.volumePath: Required value',
        `.photonPersistentDisk: ${more}`,
        `.portworxVolume: ${more}`,
      ),
      volume(
        'refuses StorageOS of names that are none',
        { storageos: { volumeName: 'A', volumeNamespace: 'B', secretRef: {} } },
        '.storageos.volumeName: Invalid value: "A": a lowercase RFC 1123 label…',
        '.storageos.volumeNamespace: Invalid value: "B": a lowercase RFC 1123 label…',
        '.storageos.secretRef.name: Required value',
      ),
      volume(
        'refuses ScaleIO of nothing',
        { scaleIO: { gateway: '', system: '', volumeName: '' } },
        '.scaleIO.gateway: Required value',
        '.scaleIO.system: Required value',
        '.scaleIO.volumeName: Required value',
      ),
    ],
  },
]);
