/** What upstream accepts and refuses of a pod's spec, beside its containers, volumes and security. */
import { testCases } from './testing.ts';

const container = {
  name: 'main',
  image: 'registry.example/app:1',
};
const labelRule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', …";
const mirror = { 'kubernetes.io/config.mirror': 'x' };
const apparmor = 'container.apparmor.security.beta.kubernetes.io/main';

testCases([
  {
    resource: 'pods',
    valid: { metadata: { name: 'pod', labels: { app: 'web' } }, spec: { containers: [container] } },
    cases: [
      {
        name: 'refuses a pod without containers',
        changes: { 'spec.containers': [] },
        errors: ['spec.containers: Required value'],
      },
      {
        name: 'refuses a pod that is nothing but a name',
        changes: { spec: undefined },
        errors: ['spec.containers: Required value'],
      },
      {
        name: 'refuses a name that no object can have',
        changes: { 'metadata.name': 'Bad_Name' },
        errors: ['metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist…'],
      },
      {
        name: 'refuses a restart policy that there is not',
        changes: { 'spec.restartPolicy': 'Sometimes' },
        errors: [
          'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
        ],
      },
      { name: 'takes a pod that runs once', changes: { 'spec.restartPolicy': 'Never' } },
      {
        name: 'takes a negative grace period, and counts it as one',
        changes: { 'spec.terminationGracePeriodSeconds': -1 },
      },
      { name: 'takes a grace period of zero', changes: { 'spec.terminationGracePeriodSeconds': 0 } },
      {
        name: 'refuses a deadline of zero',
        changes: { 'spec.activeDeadlineSeconds': 0 },
        errors: ['spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive'],
      },
      {
        name: 'refuses a deadline beyond an int32',
        changes: { 'spec.activeDeadlineSeconds': 2147483648 },
        errors: ['spec.activeDeadlineSeconds: Invalid value: 2147483648: must be between 1 and 2147483647, inclusive'],
      },
      { name: 'takes the longest deadline', changes: { 'spec.activeDeadlineSeconds': 2147483647 } },
      {
        name: 'refuses labels of nodes that are none',
        changes: { 'spec.nodeSelector': { 'a b': 'c d' } },
        errors: [
          'spec.nodeSelector: Invalid value: "a b": name part must consist…',
          `spec.nodeSelector: Invalid value: "c d": ${labelRule}`,
        ],
      },
      {
        name: 'refuses a node name that is none',
        changes: { 'spec.nodeName': 'Node_1' },
        errors: ['spec.nodeName: Invalid value: "Node_1": a lowercase RFC 1123 subdomain…'],
      },
      {
        name: 'refuses a preemption policy that there is not',
        changes: { 'spec.preemptionPolicy': 'Sometimes' },
        errors: [
          'spec.preemptionPolicy: Unsupported value: "Sometimes": supported values: "PreemptLowerPriority", "Never"',
        ],
      },
      {
        name: 'refuses host names with dots',
        changes: { 'spec.hostname': 'a.b', 'spec.subdomain': 'c.d' },
        errors: [
          'spec.hostname: Invalid value: "a.b": must not contain dots',
          'spec.subdomain: Invalid value: "c.d": must not contain dots',
        ],
      },
      { name: 'takes a host name and a subdomain', changes: { 'spec.hostname': 'a', 'spec.subdomain': 'b' } },
      { name: 'takes a whole domain in place of the host name', changes: { 'spec.hostnameOverride': 'a.b.example' } },
      {
        name: 'refuses a host name override beside a fully qualified one',
        changes: { 'spec.hostnameOverride': 'a', 'spec.setHostnameAsFQDN': true },
        errors: ['spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true'],
      },
      {
        name: 'refuses a host name override on the network of the node',
        changes: { 'spec.hostnameOverride': 'a', 'spec.hostNetwork': true },
        errors: ['spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true'],
      },
      {
        name: 'refuses a host name override that is too long for Linux',
        changes: { 'spec.hostnameOverride': 'a'.repeat(65) },
        errors: ['spec.hostnameOverride: Too long: may not be more than 64 bytes'],
      },
      {
        name: 'refuses an empty host name override',
        changes: { 'spec.hostnameOverride': '' },
        errors: ['spec.hostnameOverride: Invalid value: "": a lowercase RFC 1123 subdomain…'],
      },
      {
        name: 'refuses a system that there is not',
        changes: { 'spec.os': { name: 'plan9' } },
        errors: ['spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'],
      },
      {
        name: 'refuses a system without a name',
        changes: { 'spec.os': { name: '' } },
        errors: ['spec.os.name: Required value'],
      },
      { name: 'takes Linux', changes: { 'spec.os': { name: 'linux' } } },
      { name: 'takes Windows', changes: { 'spec.os': { name: 'windows' } } },
      {
        name: 'takes a scheduling group that is not there yet',
        changes: { 'spec.schedulingGroup': { podGroupName: 'g' } },
      },
      {
        name: 'refuses a scheduling group that is none',
        changes: { 'spec.schedulingGroup': {} },
        errors: ['spec.schedulingGroup: Invalid value: "": must specify one of: `podGroupName`'],
      },
      {
        name: 'refuses a scheduling group of no possible name',
        changes: { 'spec.schedulingGroup': { podGroupName: 'a/b' } },
        errors: ['spec.schedulingGroup.podGroupName: Invalid value: "a/b": a lowercase RFC 1123 subdomain…'],
      },
      {
        name: 'refuses another scheduling group later',
        update: { 'spec.schedulingGroup': { podGroupName: 'g' } },
        errors: ['spec: Forbidden: pod updates may not change fields other than…'],
      },
      {
        name: 'refuses ephemeral containers in a new pod',
        changes: { 'spec.ephemeralContainers': [{ name: 'debug', image: 'i' }] },
        errors: ['spec.ephemeralContainers: Forbidden: cannot be set on create'],
      },
      {
        name: 'refuses a node for a pod that waits at a gate',
        changes: { 'spec.nodeName': 'n1', 'spec.schedulingGates': [{ name: 'a' }] },
        errors: ['spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared'],
      },
      {
        name: 'refuses gates without a proper name, and one twice',
        changes: { 'spec.schedulingGates': [{ name: 'a b' }, { name: 'c' }, { name: 'c' }] },
        errors: [
          'spec.schedulingGates[0]: Invalid value: "a b": name part must consist…',
          'spec.schedulingGates[2]: Duplicate value: "c"',
        ],
      },
      {
        name: 'refuses a readiness gate without a proper name',
        changes: { 'spec.readinessGates': [{ conditionType: 'example.com/ok' }, { conditionType: 'a b' }] },
        errors: ['spec.readinessGates[1].conditionType: Invalid value: "a b": name part must consist…'],
      },
      { name: 'takes pull secrets', changes: { 'spec.imagePullSecrets': [{ name: 'a' }, { name: 'b' }] } },

      {
        name: 'refuses a DNS policy that there is not',
        changes: { 'spec.dnsPolicy': 'Cluster' },
        errors: [
          'spec.dnsPolicy: Unsupported value: "Cluster": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
        ],
      },
      {
        name: 'refuses no DNS without a configuration',
        changes: { 'spec.dnsPolicy': 'None' },
        errors: ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
      },
      {
        name: 'refuses no DNS without a server',
        changes: { 'spec.dnsPolicy': 'None', 'spec.dnsConfig': { searches: ['a'] } },
        errors: [
          'spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None',
        ],
      },
      {
        name: 'takes a DNS configuration of its own',
        changes: {
          'spec.dnsPolicy': 'None',
          'spec.dnsConfig': {
            nameservers: ['10.0.0.1', 'fd00::1'],
            searches: ['a.example', '_b.example.', '.'],
            options: [{ name: 'ndots', value: '2' }],
          },
        },
      },
      {
        name: 'refuses a fourth name server',
        changes: { 'spec.dnsConfig': { nameservers: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'] } },
        errors: [
          'spec.dnsConfig.nameservers: Invalid value: ["10.0.0.1","10.0.0.2","10.0.0.3","10.0.0.4"]: must not have more than 3 nameservers',
        ],
      },
      {
        name: 'refuses name servers that are no addresses, or odd ones',
        changes: { 'spec.dnsConfig': { nameservers: ['a', '010.0.0.1', '::ffff:1.2.3.4'] } },
        errors: [
          'spec.dnsConfig.nameservers[0]: Invalid value: "a": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
          'spec.dnsConfig.nameservers[1]: Invalid value: "010.0.0.1": must not have leading 0s',
          'spec.dnsConfig.nameservers[2]: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address',
        ],
      },
      {
        name: 'refuses more than 32 search paths',
        changes: { 'spec.dnsConfig': { searches: Array<string>(33).fill('a') } },
        errors: ['spec.dnsConfig.searches: Invalid value: ["a","a",…'],
      },
      {
        name: 'refuses search paths that are too long together',
        changes: { 'spec.dnsConfig': { searches: Array<string>(32).fill('a'.repeat(64)) } },
        errors: ['spec.dnsConfig.searches: Invalid value: ["aaa…'],
      },
      {
        name: 'refuses a search path that is no domain',
        changes: { 'spec.dnsConfig': { searches: ['a b'] } },
        errors: ['spec.dnsConfig.searches[0]: Invalid value: "a b": a lowercase RFC 1123 subdomain must consist…'],
      },
      {
        name: 'refuses a DNS option without a name',
        changes: { 'spec.dnsConfig': { options: [{ value: '2' }] } },
        errors: ['spec.dnsConfig.options[0]: Required value: must not be empty'],
      },
      {
        name: 'refuses aliases of no address, and such as are no names',
        changes: { 'spec.hostAliases': [{ ip: 'x', hostnames: ['ok.example', 'a b'] }] },
        errors: [
          'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
          'spec.hostAliases[0].hostnames[1]: Invalid value: "a b": a lowercase RFC 1123 subdomain must consist…',
        ],
      },
      {
        name: 'takes aliases, of IPv6 as of IPv4',
        changes: {
          'spec.hostAliases': [
            { ip: '::1', hostnames: ['a'] },
            { ip: '127.0.0.1', hostnames: ['b.c'] },
          ],
        },
      },

      {
        name: 'refuses claims without a name, of a name twice, of none or of two sources',
        changes: {
          'spec.resourceClaims': [
            { resourceClaimName: 'a' },
            { name: 'x', resourceClaimName: 'a' },
            { name: 'x', resourceClaimName: 'a' },
            { name: 'y' },
            { name: 'z', resourceClaimName: 'a', resourceClaimTemplateName: 'b' },
          ],
        },
        errors: [
          'spec.resourceClaims[0].name: Required value',
          'spec.resourceClaims[2].name: Duplicate value: "x"',
          'spec.resourceClaims[3]: Invalid value: {"Name":"y","ResourceClaimName":null,"ResourceClaimTemplateName":null}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
          'spec.resourceClaims[4]: Invalid value: {"Name":"z","ResourceClaimName":"a","ResourceClaimTemplateName":"b"}: at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
        ],
      },
      {
        name: 'refuses names of claims and templates that are none',
        changes: {
          'spec.resourceClaims': [
            { name: 'A', resourceClaimName: 'B_' },
            { name: 'c', resourceClaimTemplateName: 'D_' },
          ],
        },
        errors: [
          'spec.resourceClaims[0].name: Invalid value: "A": a lowercase RFC 1123 label…',
          'spec.resourceClaims[0].resourceClaimName: Invalid value: "B_": a lowercase RFC 1123 subdomain…',
          'spec.resourceClaims[1].resourceClaimTemplateName: Invalid value: "D_": a lowercase RFC 1123 subdomain…',
        ],
      },
      {
        name: 'refuses claims of a static pod',
        changes: {
          'metadata.annotations': mirror,
          'spec.nodeName': 'n1',
          'spec.resourceClaims': [{ name: 'x', resourceClaimName: 'a' }],
        },
        errors: ['[]: Forbidden: static pods do not support resource claims'],
      },

      {
        name: 'refuses the mirror of a static pod without a node',
        changes: { 'metadata.annotations': mirror },
        errors: [
          'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
        ],
      },
      {
        name: 'refuses a deletion cost that is no number',
        changes: { 'metadata.annotations': { 'controller.kubernetes.io/pod-deletion-cost': '+10' } },
        errors: [
          'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+10": must be a 32bit integer',
        ],
      },
      {
        name: 'refuses a deletion cost beyond an int32',
        changes: { 'metadata.annotations': { 'controller.kubernetes.io/pod-deletion-cost': '2147483648' } },
        errors: [
          'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "2147483648": must be a 32bit integer',
        ],
      },
      {
        name: 'takes a deletion cost below zero',
        changes: { 'metadata.annotations': { 'controller.kubernetes.io/pod-deletion-cost': '-100' } },
      },
      {
        name: 'refuses seccomp annotations that name no profile',
        changes: { 'metadata.annotations': { 'seccomp.security.alpha.kubernetes.io/pod': 'foo' } },
        errors: [
          'metadata.annotations.seccomp.security.alpha.kubernetes.io/pod: Invalid value: "foo": must be a valid seccomp profile',
        ],
      },
      {
        name: 'refuses an AppArmor annotation of no container, and of no profile',
        changes: {
          'metadata.annotations': {
            'container.apparmor.security.beta.kubernetes.io/other': 'runtime/default',
            [apparmor]: 'bad',
          },
        },
        errors: [
          `metadata.annotations[${apparmor}]: Invalid value: "bad": invalid AppArmor profile name: "bad"`,
          'metadata.annotations[container.apparmor.security.beta.kubernetes.io/other]: Invalid value: "other": container not found',
        ],
      },
      {
        name: 'refuses profiles that annotation and field name differently',
        changes: {
          'metadata.annotations': {
            [apparmor]: 'unconfined',
            'container.seccomp.security.alpha.kubernetes.io/main': 'localhost/a',
          },
          'spec.containers[0].securityContext': {
            appArmorProfile: { type: 'RuntimeDefault' },
            seccompProfile: { type: 'Localhost', localhostProfile: 'b' },
          },
        },
        errors: [
          'spec.containers[0].securityContext.seccompProfile.localhostProfile: Forbidden: seccomp profile in annotation and field must match',
          'spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match',
        ],
      },

      {
        name: 'takes resources of the pod as a whole',
        changes: {
          'spec.resources': { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '2', memory: '2Gi' } },
          'spec.containers[0].resources': { requests: { cpu: '500m' }, limits: { cpu: '2' } },
        },
      },
      {
        name: 'refuses a pod that asks for less than its containers',
        changes: {
          'spec.resources': { requests: { cpu: '1' } },
          'spec.containers[0].resources': { requests: { cpu: '1500m' } },
        },
        errors: [
          'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 1500m',
        ],
      },
      {
        name: 'refuses a container that may use more than its pod',
        changes: {
          'spec.resources': { limits: { memory: '1Gi' } },
          'spec.containers[0].resources': { limits: { memory: '2Gi' }, requests: { memory: '1Mi' } },
        },
        errors: [
          'spec.resources.containers[0][memory].limits: Invalid value: "2Gi": must be less than or equal to pod limits of 1Gi',
        ],
      },
      {
        name: 'counts sidecars, and init containers beside those before them',
        changes: {
          'spec.resources': { requests: { cpu: '3' } },
          'spec.containers[0].resources': { requests: { cpu: '1' } },
          'spec.initContainers': [
            { ...container, name: 'side', restartPolicy: 'Always', resources: { requests: { cpu: '1' } } },
            { ...container, name: 'init', resources: { requests: { cpu: '2500m' } } },
          ],
        },
        errors: [
          'spec.resources.requests[cpu]: Invalid value: "3": must be greater than or equal to aggregate container requests of 3500m',
        ],
      },
      {
        name: 'refuses resources that a pod cannot have as a whole',
        changes: { 'spec.resources': { requests: { 'ephemeral-storage': '1Gi', 'a.example/gpu': '1' } } },
        errors: [
          'spec.resources.requests[a.example/gpu]: Unsupported value: "a.example/gpu": supported values: "cpu", "hugepages-", "memory"',
          'spec.resources.limits: Required value: Limit must be set for non overcommitable resources',
          'spec.resources.requests[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"',
        ],
      },
      {
        name: 'refuses claims of a pod as a whole',
        changes: {
          'spec.resources': { claims: [{ name: 'x' }] },
          'spec.resourceClaims': [{ name: 'x', resourceClaimName: 'a' }],
        },
        errors: ['spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level'],
      },
      {
        name: 'refuses resources of a pod of Windows as a whole',
        changes: { 'spec.os': { name: 'windows' }, 'spec.resources': { requests: { cpu: '1' } } },
        errors: ['spec.resources: Forbidden: may not be set for a windows pod'],
      },
    ],
  },
]);
