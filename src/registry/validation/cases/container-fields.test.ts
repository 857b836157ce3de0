/** What upstream accepts and refuses of a container: name, ports, environment, mounts, resources, restarts. */
import type { JsonValue } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const at = 'spec.containers[0]';
const main = { name: 'main', image: 'registry.example/app:1' };
const volumes = [
  { name: 'data', emptyDir: {} },
  { name: 'disk', persistentVolumeClaim: { claimName: 'disk' } },
];

/** Over the one container of the pod. */
function on(name: string, fields: Readonly<Record<string, JsonValue>>, ...errors: string[]): ValidationCase {
  const changes = Object.fromEntries(Object.entries(fields).map(([field, value]) => [`${at}.${field}`, value]));
  return { name, changes, errors: errors.map((error) => (error.startsWith('spec.') ? error : `${at}.${error}`)) };
}

const fieldRef = (fieldPath: string, apiVersion = 'v1'): JsonValue => [
  { name: 'A', valueFrom: { fieldRef: { apiVersion, fieldPath } } },
];
const resourceRef = (resource: string, divisor = '0'): JsonValue => [
  { name: 'A', valueFrom: { resourceFieldRef: { resource, divisor } } },
];
const mount = { name: 'data', mountPath: '/data' };
const device = { name: 'disk', devicePath: '/dev/x' };
const ref = `${at}.env[0].valueFrom`;
const envPaths =
  '"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"';
const resourcePaths =
  '"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"';

testCases([
  {
    resource: 'pods',
    valid: { metadata: { name: 'pod' }, spec: { containers: [main], volumes } },
    cases: [
      {
        name: 'refuses a container without a name and an image',
        changes: { [at]: {} },
        errors: [`${at}.name: Required value`, `${at}.image: Required value`],
      },
      on('refuses a name that is no label', { name: 'a.b' }, 'name: Invalid value: "a.b": must not contain dots'),
      on(
        'refuses a name that is too long',
        { name: 'a'.repeat(64) },
        `name: Invalid value: "${'a'.repeat(64)}": must be no more than 63 characters`,
      ),
      {
        name: 'refuses a name twice',
        changes: { 'spec.containers': [main, main] },
        errors: ['spec.containers[1].name: Duplicate value: "main"'],
      },
      {
        name: 'refuses a name twice, over the kinds of containers',
        changes: { 'spec.initContainers': [main] },
        errors: ['spec.initContainers[0].name: Duplicate value: "main"'],
      },
      on(
        'refuses an image with spaces around it',
        { image: ' a ' },
        'image: Invalid value: " a ": must not have leading or trailing whitespace',
      ),
      on(
        'refuses a pull policy that there is not',
        { imagePullPolicy: 'Maybe' },
        'imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"',
      ),
      on(
        'refuses a message policy that there is not',
        { terminationMessagePolicy: 'Guess' },
        'terminationMessagePolicy: Unsupported value: "Guess": supported values: "File", "FallbackToLogsOnError"',
      ),

      on('takes ports', {
        ports: [
          { name: 'http', containerPort: 80 },
          { containerPort: 53, protocol: 'UDP', hostPort: 53 },
        ],
      }),
      on('refuses a port without a number', { ports: [{ name: 'a' }] }, 'ports[0].containerPort: Required value'),
      on(
        'refuses numbers that no port has',
        { ports: [{ containerPort: 70_000, hostPort: -1 }] },
        'ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
        'ports[0].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive',
      ),
      on(
        'refuses a protocol that there is not',
        { ports: [{ containerPort: 1, protocol: 'tcp' }] },
        'ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
      ),
      on(
        'refuses a port name twice',
        {
          ports: [
            { containerPort: 1, name: 'a' },
            { containerPort: 2, name: 'a' },
          ],
        },
        'ports[1].name: Duplicate value: "a"',
      ),
      on(
        'refuses a port name that is too long',
        { ports: [{ containerPort: 1, name: 'a234567890123456' }] },
        'ports[0].name: Invalid value: "a234567890123456": must be no more than 15 characters',
      ),
      on(
        'refuses a port name without a letter, and with dashes side by side',
        { ports: [{ containerPort: 1, name: '1--2' }] },
        'ports[0].name: Invalid value: "1--2": must contain at least one letter (a-z)',
        'ports[0].name: Invalid value: "1--2": must not contain consecutive hyphens',
      ),
      on(
        'refuses a port of the node twice',
        {
          ports: [
            { containerPort: 1, hostPort: 8080 },
            { containerPort: 2, hostPort: 8080 },
          ],
        },
        'ports[1].hostPort: Duplicate value: "TCP//8080"',
      ),
      on('takes a port of the node at two addresses', {
        ports: [
          { containerPort: 1, hostPort: 8080, hostIP: '10.0.0.1' },
          { containerPort: 1, hostPort: 8080, hostIP: '10.0.0.2' },
        ],
      }),
      {
        name: 'refuses another port of the node than the container’s own on its network',
        changes: { 'spec.hostNetwork': true, [`${at}.ports`]: [{ containerPort: 80, hostPort: 8080 }] },
        errors: [
          `${at}.ports[0].hostPort: Invalid value: 8080: must match \`containerPort\` when \`hostNetwork\` is true`,
        ],
      },
      {
        name: 'gives a container on the node’s network the node’s ports',
        changes: { 'spec.hostNetwork': true, [`${at}.ports`]: [{ containerPort: 80 }] },
      },

      on('takes variables whose names are odd', {
        env: [
          { name: 'a.b-c 1', value: 'x' },
          { name: '1', value: '' },
        ],
      }),
      on('refuses a variable without a name', { env: [{ value: 'x' }] }, 'env[0].name: Required value'),
      on(
        'refuses an equals sign in a variable’s name',
        { env: [{ name: 'a=b' }] },
        'env[0].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
      ),
      on(
        'refuses a value beside a reference',
        { env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
        'env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
      ),
      on(
        'refuses a reference to nothing',
        { env: [{ name: 'A', valueFrom: {} }] },
        'env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      ),
      on(
        'refuses two references at once',
        {
          env: [
            {
              name: 'A',
              valueFrom: { fieldRef: { fieldPath: 'metadata.name' }, secretKeyRef: { name: 's', key: 'k' } },
            },
          ],
        },
        'env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time',
      ),
      on('takes a label of the pod', { env: fieldRef("metadata.labels['app']") }),
      on('takes an annotation in capitals', { env: fieldRef("metadata.annotations['Example.com/A']") }),
      on('takes the node’s name by its old name', { env: fieldRef('spec.host') }),
      on('takes the addresses of pod and node', { env: fieldRef('status.hostIPs') }),
      on('refuses an empty field path', { env: fieldRef('') }, `${ref}.fieldRef.fieldPath: Required value`),
      on(
        'refuses a field of another version',
        { env: fieldRef('metadata.name', 'v2') },
        `${ref}.fieldRef.fieldPath: Invalid value: "metadata.name": error converting fieldPath: unsupported pod version: v2`,
      ),
      on(
        'refuses a field that there is not',
        { env: fieldRef('metadata.whoops') },
        `${ref}.fieldRef.fieldPath: Invalid value: "metadata.whoops": error converting fieldPath: field label not supported: metadata.whoops`,
      ),
      on(
        'refuses all labels at once',
        { env: fieldRef('metadata.labels') },
        `${ref}.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: ${envPaths}`,
      ),
      on(
        'refuses a key of what is no map',
        { env: fieldRef("metadata.name['a']") },
        `${ref}.fieldRef.fieldPath: Invalid value: "metadata.name['a']": error converting fieldPath: field label does not support subscript: metadata.name['a']`,
      ),
      on(
        'refuses a key that no label can have',
        { env: fieldRef("metadata.labels['a b']") },
        `${ref}.fieldRef: Invalid value: "a b": name part must consist…`,
      ),
      on('takes a resource of the container', { env: resourceRef('limits.cpu', '1m') }),
      on('takes huge pages of the container', { env: resourceRef('requests.hugepages-2Mi', '1Mi') }),
      on('refuses no resource', { env: resourceRef('') }, `${ref}.resourceFieldRef.resource: Required value`),
      on(
        'refuses a resource that no container has',
        { env: resourceRef('limits.disk') },
        `${ref}.resourceFieldRef.resource: Unsupported value: "limits.disk": supported values: ${resourcePaths}`,
      ),
      on(
        'refuses a divisor of cpu that nobody would want',
        { env: resourceRef('limits.cpu', '10m') },
        `${ref}.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
      ),
      on(
        'refuses a divisor of memory that is no unit',
        { env: resourceRef('requests.memory', '3Mi') },
        `${ref}.resourceFieldRef.divisor: Invalid value: "requests.memory": only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource`,
      ),
      on('takes keys of config maps and secrets', {
        env: [
          { name: 'A', valueFrom: { configMapKeyRef: { name: 'c', key: 'a.b_c-d' } } },
          { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: true } } },
        ],
      }),
      on(
        'refuses a secret without a name and a key',
        { env: [{ name: 'A', valueFrom: { secretKeyRef: {} } }] },
        `${ref}.secretKeyRef.name: Invalid value: "": a lowercase RFC 1123 subdomain…`,
        `${ref}.secretKeyRef.key: Required value`,
      ),
      on(
        'refuses a key that is no file name',
        { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'c', key: 'a/b' } } }] },
        `${ref}.configMapKeyRef.key: Invalid value: "a/b": a valid config key must consist of…`,
      ),
      on('takes a variable out of a file', {
        env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'data', path: 'env', key: 'A' } } }],
      }),
      on(
        'refuses a file that is not said',
        { env: [{ name: 'A', valueFrom: { fileKeyRef: {} } }] },
        `${ref}.fileKeyRef.key: Required value`,
        `${ref}.fileKeyRef.volumeName: Required value`,
        `${ref}.fileKeyRef.path: Required value`,
        `${ref}.fileKeyRef.volumeName: Not found: ""`,
      ),
      on(
        'refuses a file out of its volume, and in a volume that lasts',
        { env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'disk', path: '../env', key: 'A' } } }] },
        `${ref}.fileKeyRef.path: Invalid value: "../env": must not contain '..'`,
        `${ref}.fileKeyRef.volumeName: Invalid value: "disk": referenced volume must be of type emptyDir`,
      ),
      on('takes all variables of a map', {
        envFrom: [{ prefix: 'P_', configMapRef: { name: 'c' } }, { secretRef: { name: 's' } }],
      }),
      on(
        'refuses all variables of nothing, of both, and of no name',
        { envFrom: [{}, { configMapRef: { name: 'c' }, secretRef: { name: 's' } }, { configMapRef: {} }] },
        'envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
        'envFrom: Invalid value: "": may not have more than one field specified at a time',
        'envFrom[2].configMapRef.name: Required value',
      ),
      on(
        'refuses a prefix that no variable can have',
        { envFrom: [{ prefix: 'a=', secretRef: { name: 'S_' } }] },
        'envFrom[0].prefix: Invalid value: "a=": a valid environment variable name…',
        'envFrom[0].secretRef.name: Invalid value: "S_": a lowercase RFC 1123 subdomain…',
      ),

      on('takes mounts', { volumeMounts: [mount, { name: 'data', mountPath: '/x', subPath: 'a/b' }] }),
      on(
        'refuses a mount of nothing to nowhere',
        { volumeMounts: [{}] },
        'volumeMounts[0].name: Required value',
        'volumeMounts[0].name: Not found: ""',
        'volumeMounts[0].mountPath: Required value',
      ),
      on(
        'refuses a volume that there is not',
        { volumeMounts: [{ ...mount, name: 'x' }] },
        'volumeMounts[0].name: Not found: "x"',
      ),
      on(
        'refuses two mounts at one path',
        { volumeMounts: [mount, mount] },
        'volumeMounts[1].mountPath: Invalid value: "/data": must be unique',
      ),
      on(
        'refuses sub-paths that leave the volume',
        {
          volumeMounts: [
            { ...mount, subPath: '/a' },
            { ...mount, mountPath: '/x', subPathExpr: 'a/../b' },
          ],
        },
        'volumeMounts.subPath: Invalid value: "/a": must be a relative path',
        'volumeMounts.subPathExpr: Invalid value: "a/../b": must not contain \'..\'',
      ),
      on(
        'refuses a sub-path said twice',
        { volumeMounts: [{ ...mount, subPath: 'a', subPathExpr: '$(A)' }] },
        'volumeMounts[0].subPathExpr: Invalid value: "$(A)": subPathExpr and subPath are mutually exclusive',
      ),
      on(
        'refuses a propagation that there is not',
        { volumeMounts: [{ ...mount, mountPropagation: 'Up' }] },
        'volumeMounts.mountPropagation: Unsupported value: "Up": supported values: "Bidirectional", "HostToContainer", "None"',
      ),
      on(
        'refuses propagation both ways for a container without privileges',
        { volumeMounts: [{ ...mount, mountPropagation: 'Bidirectional' }] },
        'volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers',
      ),
      on('takes it for a privileged one', {
        volumeMounts: [{ ...mount, mountPropagation: 'Bidirectional' }],
        securityContext: { privileged: true },
      }),
      on('takes a mount that is read-only all the way down', {
        volumeMounts: [{ ...mount, readOnly: true, recursiveReadOnly: 'Enabled' }],
      }),
      on(
        'refuses it for a mount that is not read-only, or spreads',
        { volumeMounts: [{ ...mount, recursiveReadOnly: 'IfPossible', mountPropagation: 'HostToContainer' }] },
        'volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true',
        'volumeMounts.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified',
      ),
      on(
        'refuses another such word',
        { volumeMounts: [{ ...mount, recursiveReadOnly: 'Yes' }] },
        'volumeMounts.recursiveReadOnly: Unsupported value: "Yes": supported values: "Disabled", "Enabled", "IfPossible"',
      ),
      on('takes a block device', { volumeDevices: [device] }),
      on(
        'refuses a device of a volume that is none',
        { volumeDevices: [{ ...device, name: 'data' }] },
        'volumeDevices[0].name: Invalid value: "data": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
      ),
      on(
        'refuses a device of nothing',
        { volumeDevices: [{}] },
        'volumeDevices[0].name: Required value',
        'volumeDevices[0].name: Not found: ""',
        'volumeDevices[0].devicePath: Required value',
      ),
      on(
        'refuses a device twice, and a path that climbs',
        { volumeDevices: [device, { ...device, devicePath: '/dev/../x' }] },
        'volumeDevices[1].name: Invalid value: "disk": must be unique',
        'volumeDevices[1].devicePath: Invalid value: "/dev/../x": can not contain backsteps (\'..\')',
      ),
      on(
        'refuses a volume as folder and as device',
        { volumeDevices: [device], volumeMounts: [{ name: 'disk', mountPath: '/dev/x' }] },
        'volumeMounts[0].name: Invalid value: "disk": must not already exist in volumeDevices',
        'volumeMounts[0].mountPath: Invalid value: "/dev/x": must not already exist as a path in volumeDevices',
        'volumeDevices[0].name: Invalid value: "disk": must not already exist in volumeMounts',
        'volumeDevices[0].devicePath: Invalid value: "/dev/x": must not already exist as a path in volumeMounts',
      ),

      on('takes resources', {
        resources: { requests: { cpu: '100m', 'a.example/gpu': '1' }, limits: { memory: '1Gi', 'a.example/gpu': '1' } },
      }),
      on(
        'refuses a request above the limit',
        { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } },
        'resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
      ),
      on(
        'refuses amounts below zero',
        { resources: { requests: { memory: '-1' } } },
        'resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
      ),
      on(
        'refuses a resource that there is not',
        { resources: { requests: { disk: '1' } } },
        'resources.requests[disk]: Invalid value: "disk": must be a standard resource type or fully qualified',
        'resources.requests[disk]: Invalid value: "disk": must be a standard resource for containers',
      ),
      on(
        'refuses a resource of quotas',
        { resources: { limits: { pods: '1' } } },
        'resources.limits[pods]: Invalid value: "pods": must be a standard resource for containers',
        'resources.requests[pods]: Invalid value: "pods": must be a standard resource for containers',
      ),
      on(
        'refuses part of a device, and one that is promised to others',
        { resources: { requests: { 'a.example/gpu': '500m' } } },
        'resources.requests[a.example/gpu]: Invalid value: "500m": must be an integer',
        'resources.limits: Required value: Limit must be set for non overcommitable resources',
      ),
      on(
        'refuses fewer devices than the limit',
        { resources: { requests: { 'a.example/gpu': '1' }, limits: { 'a.example/gpu': '2' } } },
        'resources.requests: Invalid value: "1": must be equal to a.example/gpu limit of 2',
      ),
      on(
        'refuses a name that no quota could count',
        { resources: { limits: { 'requests.example/gpu': '1' } } },
        'resources.limits[requests.example/gpu]: Invalid value: "requests.example/gpu": doesn\'t follow extended resource name standard',
        'spec.containers[0].resources.requests[requests.example/gpu]: Invalid value: "requests.example/gpu": doesn\'t follow extended resource name standard',
      ),
      on('takes huge pages', { resources: { limits: { memory: '1Gi', 'hugepages-2Mi': '4Mi' } } }),
      on(
        'refuses huge pages without memory, and parts of one',
        { resources: { limits: { 'hugepages-2Mi': '3Mi' } } },
        'resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
        'resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
        'resources: Forbidden: HugePages require cpu or memory',
      ),
      on(
        'refuses claims that the pod has not made',
        { resources: { claims: [{ name: 'x' }] } },
        'resources.claims[0]: Not found: "x": must be one of the names in pod.spec.resourceClaims which is empty',
      ),
      {
        name: 'refuses claims twice, as a whole and in part',
        changes: {
          'spec.resourceClaims': [
            { name: 'a', resourceClaimName: 'a' },
            { name: 'b', resourceClaimName: 'b' },
          ],
          [`${at}.resources.claims`]: [
            { name: 'a', request: 'r' },
            { name: 'a' },
            { name: 'b' },
            { name: 'b' },
            { name: '' },
            { name: 'c' },
          ],
        },
        errors: [
          `${at}.resources.claims[1]: Duplicate value: "a"`,
          `${at}.resources.claims[3]: Duplicate value: "b"`,
          `${at}.resources.claims[4]: Required value`,
          `${at}.resources.claims[5]: Not found: "c": must be one of the names in pod.spec.resourceClaims: a, b`,
        ],
      },
      {
        name: 'takes requests of a claim, each once',
        changes: {
          'spec.resourceClaims': [{ name: 'a', resourceClaimName: 'a' }],
          [`${at}.resources.claims`]: [
            { name: 'a', request: 'r' },
            { name: 'a', request: 's' },
          ],
        },
      },
      on('takes resize policies', {
        resizePolicy: [
          { resourceName: 'cpu', restartPolicy: 'NotRequired' },
          { resourceName: 'memory', restartPolicy: 'RestartContainer' },
        ],
      }),
      on(
        'refuses a resize policy twice, of no resource, and of no kind',
        {
          resizePolicy: [
            { resourceName: 'cpu', restartPolicy: 'NotRequired' },
            { resourceName: 'cpu', restartPolicy: 'NotRequired' },
            { resourceName: 'disk', restartPolicy: 'Perhaps' },
          ],
        },
        'resizePolicy[1]: Duplicate value: "cpu"',
        'resizePolicy: Unsupported value: "disk": supported values: "cpu", "memory"',
        'resizePolicy: Unsupported value: "Perhaps": supported values: "NotRequired", "RestartContainer"',
      ),
      {
        name: 'refuses a restart for a resize where nothing restarts',
        changes: {
          'spec.restartPolicy': 'Never',
          [`${at}.resizePolicy`]: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }],
        },
        errors: [
          `${at}.resizePolicy: Invalid value: "RestartContainer": must be 'NotRequired' when pod \`restartPolicy\` is 'Never'`,
        ],
      },

      on('takes a restart policy with rules', {
        restartPolicy: 'Never',
        restartPolicyRules: [
          { action: 'Restart', exitCodes: { operator: 'In', values: [42] } },
          { action: 'RestartAllContainers', exitCodes: { operator: 'NotIn', values: [0] } },
        ],
      }),
      on(
        'refuses a restart policy that there is not',
        { restartPolicy: 'Sometimes' },
        'restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
      ),
      on(
        'refuses rules without a policy',
        { restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }] },
        'restartPolicy: Required value: must specify restartPolicy when restart rules are used',
      ),
      on(
        'refuses rules that say nothing',
        {
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'Stop' }, { action: 'Restart', exitCodes: { operator: 'Is', values: [1] } }],
        },
        'restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", "RestartAllContainers"',
        'restartPolicyRules[0].exitCodes: Required value: must be specified',
        'restartPolicyRules[1].exitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"',
      ),
      on(
        'refuses too many rules, and too many exit codes',
        {
          restartPolicy: 'Never',
          restartPolicyRules: [
            {
              action: 'Restart',
              exitCodes: { operator: 'In', values: Array.from({ length: 256 }, (_, code) => code) },
            },
            ...Array.from({ length: 20 }, () => ({ action: 'Restart', exitCodes: { operator: 'In', values: [1] } })),
          ],
        },
        'restartPolicyRules: Too many: 21: must have at most 20 items',
        'restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items',
      ),
    ],
  },
]);
