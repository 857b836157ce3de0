/** Roles and their bindings, priorities, runtimes, certificate requests. */
import { authorityPem, requestPem } from '../../testing.ts';
import { testCases } from './testing.ts';

const group = 'rbac.authorization.k8s.io';
const roleRef = { apiGroup: group, kind: 'Role', name: 'r' };
const rule = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const request = {
  metadata: { name: 'c' },
  spec: { request: requestPem, signerName: 'example.com/web', usages: ['client auth'] },
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const approved = { type: 'Approved', status: 'True' };
const denied = { type: 'Denied', status: 'True' };

testCases([
  {
    resource: `clusterroles.${group}`,
    valid: { metadata: { name: 'r' }, rules: [rule] },
    cases: [
      {
        name: 'refuses a rule without verbs',
        changes: { 'rules[0].verbs': [] },
        errors: ['rules[0].verbs: Required value: verbs must contain at least one value'],
      },
      {
        name: 'refuses a rule about nothing',
        changes: { rules: [{ verbs: ['get'] }] },
        errors: [
          'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
          'rules[0].resources: Required value: resource rules must supply at least one resource',
        ],
      },
      { name: 'accepts a rule about paths', changes: { rules: [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }] } },
      {
        name: 'refuses a rule about both',
        changes: { 'rules[0].nonResourceURLs': ['/healthz'] },
        errors: [
          'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: rules cannot apply to both regular resources and non-resource URLs',
        ],
      },
      {
        name: 'refuses to gather from nowhere',
        changes: { aggregationRule: {} },
        errors: [
          'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
        ],
      },
      {
        name: 'refuses to gather by a bad selector',
        changes: { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { 'a b': 'c' } }] } },
        errors: ['aggregationRule.clusterRoleSelectors[0].matchLabels: Invalid value: "a b": name part must consist…'],
      },
    ],
  },
  {
    resource: `roles.${group}`,
    valid: { metadata: { name: 'r' }, rules: [rule] },
    cases: [
      {
        name: 'refuses a rule about paths',
        changes: { rules: [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }] },
        errors: [
          'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: namespaced rules cannot apply to non-resource URLs',
        ],
      },
      {
        name: 'refuses a name that cannot stand in a URL',
        changes: { 'metadata.name': 'a/b' },
        errors: [`metadata.name: Invalid value: "a/b": may not contain '/'`],
      },
    ],
  },
  {
    resource: `rolebindings.${group}`,
    valid: { metadata: { name: 'b' }, roleRef, subjects: [{ kind: 'User', name: 'jane' }] },
    cases: [
      {
        name: 'refuses a role of another group',
        changes: { 'roleRef.apiGroup': 'example.com' },
        errors: [`roleRef.apiGroup: Unsupported value: "example.com": supported values: "${group}"`],
      },
      {
        name: 'refuses a role that is none',
        changes: { 'roleRef.kind': 'Pod' },
        errors: ['roleRef.kind: Unsupported value: "Pod": supported values: "Role", "ClusterRole"'],
      },
      {
        name: 'refuses a role without a name',
        changes: { 'roleRef.name': '' },
        errors: ['roleRef.name: Required value'],
      },
      {
        name: 'refuses a user without a name, twice as upstream',
        changes: { 'subjects[0].name': '' },
        errors: ['subjects[0].name: Required value', 'subjects[0].name: Invalid value: "": user name cannot be empty'],
      },
      {
        name: 'refuses a subject that is none',
        changes: { 'subjects[0].kind': 'Robot' },
        errors: ['subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"'],
      },
      {
        name: 'accepts an account of the same namespace',
        changes: { subjects: [{ kind: 'ServiceAccount', name: 'a' }] },
      },
      {
        name: 'refuses an account of a group',
        changes: { subjects: [{ kind: 'ServiceAccount', name: 'a', apiGroup: group }] },
        errors: [`subjects[0].apiGroup: Unsupported value: "${group}": supported values: ""`],
      },
      {
        name: 'refuses another role',
        update: { 'roleRef.name': 'other' },
        errors: [
          'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"other"}: cannot change roleRef',
        ],
      },
      { name: 'accepts other subjects', update: { 'subjects[0].name': 'john' } },
    ],
  },
  {
    resource: `clusterrolebindings.${group}`,
    valid: { metadata: { name: 'b' }, roleRef: { ...roleRef, kind: 'ClusterRole' } },
    cases: [
      {
        name: 'refuses the role of a namespace',
        changes: { 'roleRef.kind': 'Role' },
        errors: ['roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"'],
      },
      {
        name: 'refuses an account of no namespace',
        changes: { subjects: [{ kind: 'ServiceAccount', name: 'a' }] },
        errors: ['subjects[0].namespace: Required value'],
      },
    ],
  },
  {
    resource: 'priorityclasses.scheduling.k8s.io',
    valid: { metadata: { name: 'high' }, value: 100 },
    cases: [
      {
        name: 'refuses a priority of the cluster’s own',
        changes: { value: 1_000_000_001 },
        errors: ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
      },
      {
        name: 'refuses a name of the cluster’s own',
        changes: { 'metadata.name': 'system-mine' },
        errors: [
          "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
        ],
      },
      {
        name: 'refuses a policy that is none',
        changes: { preemptionPolicy: 'Maybe' },
        errors: ['preemptionPolicy: Unsupported value: "Maybe": supported values: "PreemptLowerPriority", "Never"'],
      },
      {
        name: 'refuses another value and policy',
        update: { value: 5, preemptionPolicy: 'Never' },
        errors: [
          'value: Forbidden: may not be changed in an update.',
          'preemptionPolicy: Invalid value: "Never": field is immutable',
        ],
      },
    ],
  },
  {
    resource: 'runtimeclasses.node.k8s.io',
    valid: { metadata: { name: 'sandbox' }, handler: 'sandbox' },
    cases: [
      {
        name: 'refuses a handler with a dot',
        changes: { handler: 'a.b' },
        errors: ['handler: Invalid value: "a.b": must not contain dots'],
      },
      {
        name: 'refuses an overhead below zero',
        changes: { overhead: { podFixed: { cpu: '-1' } } },
        errors: ['overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
      },
      {
        name: 'refuses labels that are none',
        changes: { scheduling: { nodeSelector: { 'a b': 'c' } } },
        errors: ['scheduling.nodeSelector: Invalid value: "a b": name part must consist…'],
      },
      {
        name: 'refuses another handler',
        update: { handler: 'other' },
        errors: ['handler: Invalid value: "other": field is immutable'],
      },
    ],
  },
  {
    resource: 'clustertrustbundles.certificates.k8s.io',
    valid: { metadata: { name: 'a.b:c:d' }, spec: { signerName: 'a.b/c', trustBundle: authorityPem } },
    cases: [
      { name: 'accepts a bundle of nobody', changes: { 'metadata.name': 'mine', 'spec.signerName': '' } },
      {
        name: 'accepts words between the certificates',
        changes: { 'spec.trustBundle': `# mine\n${authorityPem}# end` },
      },
      {
        name: 'refuses a name that is not the signer’s',
        changes: { 'metadata.name': 'mine' },
        errors: [
          'metadata.name: Invalid value: "mine": ClusterTrustBundle for signerName a.b/c must be named with prefix a.b:c:',
        ],
      },
      {
        name: 'refuses a colon in a name without signer',
        changes: { 'spec.signerName': '' },
        errors: [
          'metadata.name: Invalid value: "a.b:c:d": ClusterTrustBundle without signer name must not have ":" in its name',
        ],
      },
      {
        name: 'refuses a bundle of nothing',
        changes: { 'spec.trustBundle': '' },
        errors: ['spec.trustBundle: Invalid value: "<value omitted>": at least one trust anchor must be provided'],
      },
      {
        name: 'refuses an authority twice',
        changes: { 'spec.trustBundle': authorityPem + authorityPem },
        errors: ['spec.trustBundle: Invalid value: "<value omitted>": duplicate trust anchor (indices [0 1])'],
      },
      {
        name: 'refuses what is no authority',
        changes: {
          'spec.trustBundle': `${authorityPem}${Buffer.from(requestPem, 'base64').toString()}-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n${authorityPem.replace('-----\n', '-----\nA: b\n\n')}`,
        },
        errors: [
          'spec.trustBundle: Invalid value: "<value omitted>": entry 1 has bad block type: CERTIFICATE REQUEST',
          'spec.trustBundle: Invalid value: "<value omitted>": entry 2 does not parse as X.509',
          'spec.trustBundle: Invalid value: "<value omitted>": entry 3 has PEM block headers',
        ],
      },
      {
        name: 'refuses another signer',
        update: { 'spec.signerName': 'a.b/other' },
        errors: [
          'metadata.name: Invalid value: "a.b:c:d": ClusterTrustBundle for signerName a.b/other must be named with prefix a.b:other:',
          'spec.signerName: Invalid value: "a.b/other": field is immutable',
        ],
      },
    ],
  },
  {
    resource: 'certificatesigningrequests.certificates.k8s.io',
    valid: request,
    cases: [
      {
        name: 'refuses what is no request',
        changes: { 'spec.request': 'eA==' },
        errors: ['spec.request: Invalid value: "eA==": PEM block type must be CERTIFICATE REQUEST'],
      },
      {
        name: 'refuses a request cut short',
        changes: {
          'spec.request': base64('-----BEGIN CERTIFICATE REQUEST-----\nMIHY\n-----END CERTIFICATE REQUEST-----\n'),
        },
        errors: ['spec.request: Invalid value: "LS0tLS1…'],
      },
      {
        name: 'refuses a request that another key has signed',
        changes: { 'spec.request': base64(Buffer.from(requestPem, 'base64').toString().replace('dGVhb', 'dGVhc')) },
        errors: ['spec.request: Invalid value: "LS0tLS1…'],
      },
      { name: 'refuses a request for no use', changes: { 'spec.usages': [] }, errors: ['spec.usages: Required value'] },
      {
        name: 'refuses a use that is none',
        changes: { 'spec.usages': ['fun'] },
        errors: ['spec.usages[0]: Unsupported value: "fun": supported values: "any", "cert sign"…'],
      },
      {
        name: 'refuses a use twice',
        changes: { 'spec.usages': ['any', 'any'] },
        errors: ['spec.usages[1]: Duplicate value: "any"'],
      },
      {
        name: 'refuses a request to nobody',
        changes: { 'spec.signerName': '' },
        errors: ['spec.signerName: Required value'],
      },
      {
        name: 'refuses a signer without a domain',
        changes: { 'spec.signerName': 'mine' },
        errors: [
          `spec.signerName: Invalid value: "mine": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
        ],
      },
      {
        name: 'refuses a signer of a domain without a dot',
        changes: { 'spec.signerName': 'a/b' },
        errors: [
          'spec.signerName: Invalid value: "a": should be a domain with at least two segments separated by dots',
        ],
      },
      {
        name: 'refuses a signer in capitals',
        changes: { 'spec.signerName': 'a.b/C' },
        errors: ['spec.signerName: Invalid value: "C": validating label "C": a lowercase RFC 1123 subdomain…'],
      },
      {
        name: 'refuses the signer of old',
        changes: { 'spec.signerName': 'kubernetes.io/legacy-unknown' },
        errors: [
          'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
        ],
      },
      {
        name: 'refuses a life of nine minutes',
        changes: { 'spec.expirationSeconds': 540 },
        errors: [
          'spec.expirationSeconds: Invalid value: 540: may not specify a duration less than 600 seconds (10 minutes)',
        ],
      },
      { name: 'accepts an approval', subresource: 'approval', update: { 'status.conditions': [approved] } },
      {
        name: 'refuses an approval that is not so',
        subresource: 'approval',
        update: { 'status.conditions': [{ ...approved, status: 'False' }] },
        errors: ['status.conditions[0].status: Unsupported value: "False": supported values: "True"'],
      },
      {
        name: 'refuses approval and denial together',
        subresource: 'approval',
        update: { 'status.conditions': [approved, denied] },
        errors: [
          'status.conditions[1].type: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
        ],
      },
      {
        name: 'refuses a certificate that is none',
        subresource: 'status',
        update: { 'status.certificate': 'eA==' },
        errors: [
          'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
        ],
      },
    ],
  },
]);
