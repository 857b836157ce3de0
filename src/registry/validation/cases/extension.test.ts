/** Webhooks, policies, APIServices, flow control. */
import { testCases } from './testing.ts';

const admission = 'admissionregistration.k8s.io';
const hook = {
  name: 'check.example.com',
  clientConfig: { url: 'https://example.com/check' },
  rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
};
const policy = {
  metadata: { name: 'p.example.com' },
  spec: { matchConstraints: { resourceRules: hook.rules }, validations: [{ expression: 'true' }] },
};
const form = '; desired format: https://host[/path]';
const level = {
  metadata: { name: 'l' },
  spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing: { queues: 64 } } } },
};
const subject = { kind: 'User', user: { name: 'jane' } };
const flow = {
  metadata: { name: 'f' },
  spec: {
    priorityLevelConfiguration: { name: 'l' },
    rules: [{ subjects: [subject], nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/a/*'] }] }],
  },
};
const url = 'webhooks[0].clientConfig.url';

testCases([
  {
    resource: `validatingwebhookconfigurations.${admission}`,
    valid: { metadata: { name: 'w' }, webhooks: [hook] },
    cases: [
      {
        name: 'refuses a name with two parts',
        changes: { 'webhooks[0].name': 'a.b' },
        errors: [
          'webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots',
        ],
      },
      {
        name: 'refuses a webhook twice',
        changes: { webhooks: [hook, hook] },
        errors: ['webhooks[1].name: Duplicate value: "check.example.com"'],
      },
      {
        name: 'refuses a webhook without an address',
        changes: { 'webhooks[0].clientConfig': {} },
        errors: ['webhooks[0].clientConfig: Required value: exactly one of url or service is required'],
      },
      {
        name: 'refuses an address without TLS',
        changes: { [url]: 'http://a/b' },
        errors: [`${url}: Invalid value: "http": 'https' is the only allowed URL scheme${form}`],
      },
      {
        name: 'refuses an address without a host',
        changes: { [url]: 'https:///b' },
        errors: [`${url}: Invalid value: "": host must be specified${form}`],
      },
      {
        name: 'refuses an address with more than a path',
        changes: { [url]: 'https://u@a/b?c#d' },
        errors: [
          `${url}: Invalid value: "u": user information is not permitted in the URL`,
          `${url}: Invalid value: "d": fragments are not permitted in the URL`,
          `${url}: Invalid value: "c": query parameters are not permitted in the URL`,
        ],
      },
      {
        name: 'accepts a service',
        changes: { 'webhooks[0].clientConfig': { service: { namespace: 'n', name: 's', path: '/a/b' } } },
      },
      {
        name: 'refuses a path with a gap',
        changes: { 'webhooks[0].clientConfig': { service: { namespace: 'n', name: 's', path: '/a//b' } } },
        errors: ['webhooks[0].clientConfig.service.path: Invalid value: "/a//b": segment[1] may not be empty'],
      },
      {
        name: 'refuses side effects',
        changes: { 'webhooks[0].sideEffects': 'Some' },
        errors: ['webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"'],
      },
      {
        name: 'refuses silence about side effects',
        changes: { 'webhooks[0].sideEffects': undefined },
        errors: ['webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun'],
      },
      {
        name: 'refuses a minute of patience',
        changes: { 'webhooks[0].timeoutSeconds': 60 },
        errors: ['webhooks[0].timeoutSeconds: Invalid value: 60: the timeout value must be between 1 and 30 seconds'],
      },
      {
        name: 'refuses versions that nobody speaks',
        changes: { 'webhooks[0].admissionReviewVersions': ['v9'] },
        errors: [
          'webhooks[0].admissionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1',
        ],
      },
      {
        name: 'refuses a version twice',
        changes: { 'webhooks[0].admissionReviewVersions': ['v1', 'v1'] },
        errors: ['webhooks[0].admissionReviewVersions[1]: Invalid value: "v1": duplicate version'],
      },
      {
        name: 'refuses a rule for nothing',
        changes: { 'webhooks[0].rules': [{}] },
        errors: ['operations', 'apiGroups', 'apiVersions', 'resources'].map(
          (field) => `webhooks[0].rules[0].${field}: Required value`,
        ),
      },
      {
        name: 'refuses all operations and one more',
        changes: { 'webhooks[0].rules[0].operations': ['*', 'CREATE'] },
        errors: [
          `webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations`,
        ],
      },
      {
        name: 'refuses an operation that is none',
        changes: { 'webhooks[0].rules[0].operations': ['READ'] },
        errors: [
          'webhooks[0].rules[0].operations[0]: Unsupported value: "READ": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
        ],
      },
      {
        name: 'refuses parts that all parts include',
        changes: { 'webhooks[0].rules[0].resources': ['pods/*', 'pods/log'] },
        errors: [
          `webhooks[0].rules[0].resources[1]: Invalid value: "pods/log": if 'pods/*' is present, must not specify pods/log`,
        ],
      },
      {
        name: 'refuses all resources and one more',
        changes: { 'webhooks[0].rules[0].resources': ['*', 'pods'] },
        errors: [
          `webhooks[0].rules[0].resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without subresources`,
        ],
      },
      {
        name: 'refuses a condition without an expression',
        changes: { 'webhooks[0].matchConditions': [{ name: 'c' }] },
        errors: ['webhooks[0].matchConditions[0].expression: Required value'],
      },
      {
        name: 'refuses a condition twice',
        changes: {
          'webhooks[0].matchConditions': [
            { name: 'c', expression: 'true' },
            { name: 'c', expression: 'true' },
          ],
        },
        errors: ['webhooks[0].matchConditions[1].name: Duplicate value: "c"'],
      },
      {
        name: 'refuses a bad selector',
        changes: { 'webhooks[0].objectSelector': { matchExpressions: [{ key: 'a', operator: 'Is' }] } },
        errors: [
          'webhooks[0].objectSelector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
        ],
      },
    ],
  },
  {
    resource: `mutatingwebhookconfigurations.${admission}`,
    valid: { metadata: { name: 'w' }, webhooks: [hook] },
    cases: [
      {
        name: 'refuses to be asked again sometimes',
        changes: { 'webhooks[0].reinvocationPolicy': 'Sometimes' },
        errors: [
          'webhooks[0].reinvocationPolicy: Unsupported value: "Sometimes": supported values: "IfNeeded", "Never"',
        ],
      },
      {
        name: 'refuses to fail in another way',
        changes: { 'webhooks[0].failurePolicy': 'Cry' },
        errors: ['webhooks[0].failurePolicy: Unsupported value: "Cry": supported values: "Fail", "Ignore"'],
      },
    ],
  },
  {
    resource: `validatingadmissionpolicies.${admission}`,
    valid: policy,
    cases: [
      {
        name: 'refuses a policy about nothing',
        changes: { 'spec.matchConstraints': undefined },
        errors: ['spec.matchConstraints: Required value'],
      },
      {
        name: 'refuses a policy without rules',
        changes: { 'spec.matchConstraints': {} },
        errors: ['spec.matchConstraints.resourceRules: Required value'],
      },
      {
        name: 'refuses a policy that says nothing',
        changes: { 'spec.validations': undefined },
        errors: [
          'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
          'spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item',
        ],
      },
      {
        name: 'refuses a message in two lines',
        changes: { 'spec.validations[0].message': 'a\nb' },
        errors: ['spec.validations[0].message: Invalid value: "a\\nb": must not contain line breaks'],
      },
      {
        name: 'refuses a reason that is none',
        changes: { 'spec.validations[0].reason': 'Mood' },
        errors: [
          'spec.validations[0].reason: Unsupported value: "Mood": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
        ],
      },
      {
        name: 'refuses a variable named as a word of the language',
        changes: { 'spec.variables': [{ name: 'in', expression: '1' }] },
        errors: ['spec.variables[0].name: Invalid value: "in": must be a valid CEL identifier'],
      },
      {
        name: 'refuses parameters of no version',
        changes: { 'spec.paramKind': { apiVersion: 'a/b/c', kind: 'K' } },
        errors: ['spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
      },
      {
        name: 'refuses a name twice in a rule',
        changes: { 'spec.matchConstraints.resourceRules[0].resourceNames': ['a', 'a'] },
        errors: ['spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "a"'],
      },
      {
        name: 'refuses an annotation without a value',
        changes: { 'spec.auditAnnotations': [{ key: 'k' }] },
        errors: ['spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified'],
      },
    ],
  },
  {
    resource: `validatingadmissionpolicybindings.${admission}`,
    valid: { metadata: { name: 'b' }, spec: { policyName: 'p', validationActions: ['Deny'] } },
    cases: [
      {
        name: 'refuses a binding to nothing',
        changes: { 'spec.policyName': '' },
        errors: ['spec.policyName: Required value'],
      },
      {
        name: 'refuses a binding that does nothing',
        changes: { 'spec.validationActions': [] },
        errors: ['spec.validationActions: Required value: at least one validation action is required'],
      },
      {
        name: 'refuses to deny and to warn',
        changes: { 'spec.validationActions': ['Deny', 'Warn'] },
        errors: ['spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn…'],
      },
      {
        name: 'refuses parameters by name and by selector',
        changes: { 'spec.paramRef': { name: 'a', selector: {}, parameterNotFoundAction: 'Deny' } },
        errors: [
          'spec.paramRef.name: Forbidden: name and selector are mutually exclusive',
          'spec.paramRef.selector: Forbidden: name and selector are mutually exclusive',
        ],
      },
      {
        name: 'refuses silence about parameters that are not there',
        changes: { 'spec.paramRef': { name: 'a' } },
        errors: ['spec.paramRef.parameterNotFoundAction: Required value'],
      },
    ],
  },
  {
    resource: `mutatingadmissionpolicies.${admission}`,
    valid: {
      metadata: { name: 'm' },
      spec: {
        matchConstraints: policy.spec.matchConstraints,
        reinvocationPolicy: 'Never',
        mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{}]' } }],
      },
    },
    cases: [
      {
        name: 'refuses to change what is deleted',
        changes: { 'spec.matchConstraints.resourceRules[0].operations': ['DELETE'] },
        errors: [
          'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
        ],
      },
      {
        name: 'refuses a policy that changes nothing',
        changes: { 'spec.mutations': [] },
        errors: ['spec.mutations: Required value: mutations must contain at least one item'],
      },
      {
        name: 'refuses a change of the other kind',
        changes: { 'spec.mutations[0].patchType': 'ApplyConfiguration' },
        errors: [
          'spec.mutations[0].applyConfiguration: Required value: must be specified when patchType is ApplyConfiguration',
          'spec.mutations[0].jsonPatch: Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration',
        ],
      },
    ],
  },
  {
    resource: 'apiservices.apiregistration.k8s.io',
    valid: {
      metadata: { name: 'v1.example.com' },
      spec: { group: 'example.com', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 },
    },
    cases: [
      {
        name: 'refuses another name',
        changes: { 'metadata.name': 'x' },
        errors: ['metadata.name: Invalid value: "x": must be `spec.version+"."+spec.group`: "v1.example.com"'],
      },
      {
        name: 'takes the name of the group without a name, which ends in a dot',
        changes: { 'metadata.name': 'v1.', 'spec.group': undefined },
      },
      {
        name: 'refuses priorities out of range',
        changes: { 'spec.groupPriorityMinimum': 20_001, 'spec.versionPriority': 0 },
        errors: [
          'spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000',
          'spec.versionPriority: Invalid value: 0: must be positive and less than 1000',
        ],
      },
      {
        name: 'refuses to trust itself blindly',
        changes: { 'spec.insecureSkipTLSVerify': true },
        errors: [
          'spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify',
        ],
      },
      {
        name: 'refuses a service without a name',
        changes: { 'spec.service': { namespace: 'n' } },
        errors: ['spec.service.name: Required value'],
      },
      {
        name: 'refuses a condition that is neither so nor not',
        subresource: 'status',
        update: { 'status.conditions': [{ type: 'Available', status: 'Maybe' }] },
        errors: [
          'status.conditions[0].status: Unsupported value: "Maybe": supported values: "True", "False", "Unknown"',
        ],
      },
    ],
  },
  {
    resource: 'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io',
    valid: level,
    cases: [
      {
        name: 'refuses to exempt by another name',
        changes: { spec: { type: 'Exempt' } },
        errors: ["spec.type: Invalid value: \"Exempt\": must be 'Exempt' if and only if `name` is 'exempt'"],
      },
      {
        name: 'refuses silence about the limit',
        changes: { 'spec.limited': undefined },
        errors: ['spec.limited: Required value: must not be empty when type is Limited'],
      },
      {
        name: 'refuses a hand that needs more bits than there are',
        changes: { 'spec.limited.limitResponse.queuing': { queues: 512, handSize: 8 } },
        errors: [
          'spec.limited.limitResponse.queuing.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 should not be greater than 60',
        ],
      },
      {
        name: 'refuses a hand of more than all',
        changes: { 'spec.limited.limitResponse.queuing': { queues: 4, handSize: 5 } },
        errors: [
          'spec.limited.limitResponse.queuing.handSize: Invalid value: 5: should not be greater than queues (4)',
        ],
      },
      {
        name: 'refuses to lend more than all',
        changes: { 'spec.limited.lendablePercent': 101 },
        errors: ['spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive'],
      },
      {
        name: 'refuses a queue where all is rejected',
        changes: { 'spec.limited.limitResponse.type': 'Reject' },
        errors: [
          'spec.limited.limitResponse.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited',
        ],
      },
      {
        name: 'refuses another catch-all',
        changes: { 'metadata.name': 'catch-all' },
        errors: ['spec: Invalid value: …'],
      },
    ],
  },
  {
    resource: 'flowschemas.flowcontrol.apiserver.k8s.io',
    valid: flow,
    cases: [
      {
        name: 'refuses the first place',
        changes: { 'spec.matchingPrecedence': 1 },
        errors: [
          "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
        ],
      },
      {
        name: 'refuses a place beyond the last',
        changes: { 'spec.matchingPrecedence': 10_001 },
        errors: ['spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000'],
      },
      {
        name: 'refuses a flow to nowhere',
        changes: { 'spec.priorityLevelConfiguration.name': '' },
        errors: ['spec.priorityLevelConfiguration.name: Required value: must reference a priority level'],
      },
      {
        name: 'refuses a rule for nobody',
        changes: { 'spec.rules[0].subjects': [] },
        errors: ['spec.rules[0].subjects: Required value: subjects must contain at least one value'],
      },
      {
        name: 'refuses a subject of two kinds',
        changes: { 'spec.rules[0].subjects[0].group': { name: 'g' } },
        errors: ["spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'"],
      },
      {
        name: 'refuses a star within a path',
        changes: { 'spec.rules[0].nonResourceRules[0].nonResourceURLs': ['/a*b'] },
        errors: [
          'spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "/a*b": wildcard can only do suffix matching',
        ],
      },
      {
        name: 'refuses a verb that is none',
        changes: { 'spec.rules[0].nonResourceRules[0].verbs': ['look'] },
        errors: [
          'spec.rules[0].nonResourceRules[0].verbs: Unsupported value: ["look"]: supported values: "create", "delete"…',
        ],
      },
      {
        name: 'refuses resources of nowhere',
        changes: { 'spec.rules[0].resourceRules': [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] },
        errors: [
          'spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace',
        ],
      },
    ],
  },
]);
