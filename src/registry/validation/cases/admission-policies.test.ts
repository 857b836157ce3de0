/** Admission policies and their bindings, case by case as upstream tests them. */
import type { JsonObject } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const group = 'admissionregistration.k8s.io';
const rule = (fields: JsonObject): JsonObject => ({
  operations: ['CREATE'],
  apiGroups: ['a'],
  apiVersions: ['a'],
  resources: ['a'],
  ...fields,
});
const constraints = { resourceRules: [rule({})] };
const validation = 'spec.validations[0]';
const subdomain = 'a lowercase RFC 1123 subdomain must consist…';

/** What both kinds of policies ask of their frame. */
const frame: readonly ValidationCase[] = [
  {
    name: 'refuses a failure policy that is none; an empty text is one, too',
    changes: { 'spec.failurePolicy': '' },
    errors: ['spec.failurePolicy: Unsupported value: "": supported values: "Fail", "Ignore"'],
  },
  {
    name: 'refuses parameters without version and kind',
    changes: { 'spec.paramKind': {} },
    errors: ['spec.paramKind.apiVersion: Required value', 'spec.paramKind.kind: Required value'],
  },
  {
    name: 'refuses a version without a name',
    changes: { 'spec.paramKind': { apiVersion: 'example.com/', kind: 'Example' } },
    errors: ['spec.paramKind.apiVersion: Invalid value: "example.com/": version must be specified'],
  },
  {
    name: 'refuses a group and a version that are none',
    changes: { 'spec.paramKind': { apiVersion: '!/0', kind: 'Example' } },
    errors: [
      `spec.paramKind.apiVersion: Invalid value: "!": ${subdomain}`,
      'spec.paramKind.apiVersion: Invalid value: "0": a DNS-1035 label must consist…',
    ],
  },
  {
    name: 'refuses a kind that is none',
    changes: { 'spec.paramKind': { apiVersion: 'v1', kind: 'Ex!ample' } },
    errors: [
      'spec.paramKind.kind: Invalid value: "Ex!ample": may have mixed case, but should otherwise match: a DNS-1035 label…',
    ],
  },
  {
    name: 'refuses a match policy that is none',
    changes: { 'spec.matchConstraints.matchPolicy': 'other' },
    errors: ['spec.matchConstraints.matchPolicy: Unsupported value: "other": supported values: "Equivalent", "Exact"'],
  },
  {
    name: 'refuses selectors that cannot be read, strictly',
    changes: {
      'spec.matchConstraints.namespaceSelector': { matchLabels: { a: 'b c' } },
      'spec.matchConstraints.objectSelector': { matchLabels: { a: 'b c' } },
    },
    errors: [
      'spec.matchConstraints.namespaceSelector.matchLabels: Invalid value: "b c": a valid label must be…',
      'spec.matchConstraints.objectSelector.matchLabels: Invalid value: "b c": a valid label must be…',
    ],
  },
  {
    name: 'refuses rules without groups, versions and resources',
    changes: {
      'spec.matchConstraints.resourceRules': [rule({ apiGroups: [], apiVersions: [], resources: [] })],
    },
    errors: ['apiGroups', 'apiVersions', 'resources'].map(
      (field) => `spec.matchConstraints.resourceRules[0].${field}: Required value`,
    ),
  },
  {
    name: 'refuses exceptions by the same rules',
    changes: { 'spec.matchConstraints.excludeResourceRules': [rule({ resourceNames: ['a/b'], resources: [''] })] },
    errors: [
      `spec.matchConstraints.excludeResourceRules[0].resourceNames[0]: Invalid value: "a/b": may not contain '/'`,
      'spec.matchConstraints.excludeResourceRules[0].resources[0]: Required value',
    ],
  },
  {
    name: 'accepts parts of resources',
    changes: { 'spec.matchConstraints.resourceRules[0].resources': ['a/*', '*/b'] },
  },
  {
    name: 'refuses a condition without name and expression, and one twice',
    changes: { 'spec.matchConditions': [{}, { name: 'c', expression: 'true' }, { name: 'c', expression: ' ' }] },
    errors: [
      'spec.matchConditions[0].expression: Required value',
      'spec.matchConditions[0].name: Required value',
      'spec.matchConditions[2].expression: Required value',
      'spec.matchConditions[2].name: Duplicate value: "c"',
    ],
  },
  {
    name: 'refuses variables without a name and without a value',
    changes: {
      'spec.variables': [
        { name: ' ', expression: 'true' },
        { name: '4ever', expression: '' },
      ],
    },
    errors: [
      'spec.variables[0].name: Required value: name is not specified',
      'spec.variables[1].name: Invalid value: "4ever": must be a valid CEL identifier',
      'spec.variables[1].expression: Required value: expression is not specified',
    ],
  },
];

const reference = 'spec.paramRef';
const ruleOf = (field: string): string => `spec.${field}.resourceRules[0].operations`;
const onlyChanges = (field: string): string =>
  `spec.${field}.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"`;

/** What both kinds of bindings ask. */
const bindings: readonly ValidationCase[] = [
  {
    name: 'refuses a policy by a name that is none',
    changes: { 'spec.policyName': '!xyzpolicy' },
    errors: [`spec.policyName: Invalid value: "!xyzpolicy": ${subdomain}`],
  },
  {
    name: 'refuses parameters by neither name nor selector',
    changes: { [reference]: { parameterNotFoundAction: 'Deny' } },
    errors: [`${reference}: Required value: one of name or selector must be specified`],
  },
  {
    name: 'refuses parameters by a name that is none, and an action that is none',
    changes: { [reference]: { name: 'a/b', parameterNotFoundAction: 'invalid' } },
    errors: [
      `${reference}.name: Invalid value: "a/b": may not contain '/'`,
      `${reference}.parameterNotFoundAction: Unsupported value: "invalid": supported values: "Deny", "Allow"`,
    ],
  },
  {
    name: 'refuses silence about parameters that are not found, in an empty text, too',
    changes: { [reference]: { selector: { matchLabels: { a: 'b' } }, parameterNotFoundAction: '' } },
    errors: [`${reference}.parameterNotFoundAction: Required value`],
  },
  {
    name: 'refuses matched resources by the rules of constraints',
    changes: { 'spec.matchResources': { resourceRules: [rule({ operations: [] })] } },
    errors: ['spec.matchResources.resourceRules[0].operations: Required value'],
  },
];

testCases([
  {
    resource: `validatingadmissionpolicies.${group}`,
    valid: {
      metadata: { name: 'config' },
      spec: { matchConstraints: constraints, validations: [{ expression: 'object.x < 100' }] },
    },
    cases: [
      ...frame,
      {
        name: 'refuses a check without an expression',
        changes: { [`${validation}.expression`]: ' ' },
        errors: [`${validation}.expression: Required value: expression is not specified`],
      },
      {
        name: 'refuses messages of nothing',
        changes: { [`${validation}.message`]: ' ', [`${validation}.messageExpression`]: ' ' },
        errors: [
          `${validation}.messageExpression: Invalid value: " ": must be non-empty if specified`,
          `${validation}.message: Invalid value: " ": must be non-empty if specified`,
        ],
      },
      { name: 'accepts line breaks around a message', changes: { [`${validation}.message`]: '\na\n' } },
      {
        name: 'refuses annotations whose names are none, or twice there',
        changes: {
          'spec.auditAnnotations': [
            { key: '@', valueExpression: "'value'" },
            { key: 'a', valueExpression: "'value'" },
            { key: 'a', valueExpression: 'x'.repeat(5 * 1024 + 1) },
          ],
        },
        errors: [
          'spec.auditAnnotations[0].key: Invalid value: "config/@": name part must consist…',
          'spec.auditAnnotations[2].valueExpression: Required value: must not exceed 5120 bytes in length',
          'spec.auditAnnotations[2].key: Duplicate value: "a"',
        ],
      },
      {
        name: 'refuses more annotations than twenty',
        changes: {
          'spec.auditAnnotations': Array.from({ length: 21 }, (_, index) => ({
            key: `k${index}`,
            valueExpression: "'v'",
          })),
        },
        errors: ['spec.auditAnnotations: Invalid value: […'],
      },
      {
        name: 'refuses an expression that does not compile, and shows where',
        changes: { [`${validation}.expression`]: 'object.x in [1, 2, ' },
        errors: [
          `${validation}.expression: Invalid value: "object.x in [1, 2, ": compilation failed: ERROR: <input>:1:20: Syntax error: …`,
        ],
      },
      {
        name: 'refuses expressions that give what their place has no use for, and what only the object could tell',
        changes: {
          'spec.matchConditions': [{ name: 'c', expression: ' "text" ' }],
          'spec.validations': [{ expression: '1 + 1', messageExpression: '1' }, { expression: 'object.isGood' }],
          'spec.auditAnnotations': [{ key: 'k', valueExpression: ' true ' }],
        },
        errors: [
          'spec.matchConditions[0].expression: Invalid value: "\\"text\\"": must evaluate to bool but got string',
          'spec.validations[0].expression: Invalid value: "1 + 1": must evaluate to bool but got int',
          'spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string but got int',
          'spec.validations[1].expression: Invalid value: "object.isGood": must evaluate to bool but got dyn',
          'spec.auditAnnotations[0].valueExpression: Invalid value: " true ": must evaluate to one of [string null_type] but got bool',
        ],
      },
      {
        name: 'refuses parameters without a kind of them, and an authorizer in a message',
        changes: {
          'spec.matchConditions': [{ name: 'c', expression: 'params.x == 1' }],
          'spec.validations': [
            { expression: 'params.x == 1', messageExpression: "string(authorizer.path('/x').check('get').allowed())" },
          ],
        },
        errors: [
          "spec.matchConditions[0].expression: Invalid value: \"params.x == 1\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')…",
          "spec.validations[0].expression: Invalid value: \"params.x == 1\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')…",
          "spec.validations[0].messageExpression: Invalid value: \"string(authorizer.path('/x').check('get').allowed())\": compilation failed: ERROR: <input>:1:8: undeclared reference to 'authorizer' (in container '')…",
        ],
      },
      {
        name: 'accepts parameters where their kind is named, in conditions and messages, too',
        changes: {
          'spec.paramKind': { apiVersion: 'v1', kind: 'ConfigMap' },
          'spec.matchConditions': [{ name: 'c', expression: 'params.x == 1' }],
          'spec.validations': [{ expression: 'params.x == 1', messageExpression: 'string(params.x)' }],
        },
      },
      {
        name: 'accepts variables that know those before them, with the types that these have',
        changes: {
          'spec.variables': [
            { name: 'list', expression: "['a', 'b']" },
            { name: 'first', expression: 'variables.list[0]' },
          ],
          'spec.validations': [{ expression: "variables.first == 'a'", messageExpression: 'variables.first' }],
        },
      },
      {
        name: 'refuses what variables do not have: a later one, another type; and any in conditions',
        changes: {
          'spec.matchConditions': [{ name: 'c', expression: 'variables.a == 1' }],
          'spec.variables': [
            { name: 'a', expression: 'variables.b' },
            { name: 'b', expression: '1' },
          ],
          'spec.validations': [{ expression: "variables.b == 'text'" }],
        },
        errors: [
          "spec.matchConditions[0].expression: Invalid value: \"variables.a == 1\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'variables' (in container '')…",
          'spec.variables[0].expression: Invalid value: "variables.b": compilation failed: ERROR: <input>:1:10: undefined field \'b\'…',
          "spec.validations[0].expression: Invalid value: \"variables.b == 'text'\": compilation failed: ERROR: <input>:1:13: found no matching overload for '_==_' applied to '(int, string)'…",
        ],
      },
      {
        name: 'accepts annotations alone',
        changes: {
          'spec.validations': undefined,
          'spec.auditAnnotations': [{ key: 'k', valueExpression: "'v'" }],
        },
      },
      {
        name: 'refuses a status of warnings without place and text',
        subresource: 'status',
        update: { 'status.typeChecking': { expressionWarnings: [{ fieldRef: ' ', warning: '' }] } },
        errors: [
          'status.typeChecking.expressionWarnings[0].warning: Required value',
          'status.typeChecking.expressionWarnings[0].fieldRef: Required value',
        ],
      },
    ],
  },
  {
    resource: `mutatingadmissionpolicies.${group}`,
    valid: {
      metadata: { name: 'config' },
      spec: {
        matchConstraints: constraints,
        reinvocationPolicy: 'Never',
        mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }],
      },
    },
    cases: [
      ...frame,
      { name: 'accepts connections', changes: { [ruleOf('matchConstraints')]: ['CREATE', 'UPDATE', 'CONNECT'] } },
      { name: 'accepts all that it can mean', changes: { [ruleOf('matchConstraints')]: ['*'] } },
      {
        name: 'refuses to change what is deleted',
        changes: { [ruleOf('matchConstraints')]: ['CREATE', 'DELETE'] },
        errors: [onlyChanges('matchConstraints')],
      },
      {
        name: 'refuses silence about a second time, and a word that is none',
        changes: { 'spec.reinvocationPolicy': '' },
        errors: ['spec.reinvocationPolicy: Required value'],
      },
      {
        name: 'refuses a second time of no kind',
        changes: { 'spec.reinvocationPolicy': 'other' },
        errors: ['spec.reinvocationPolicy: Unsupported value: "other": supported values: "IfNeeded", "Never"'],
      },
      {
        name: 'refuses patches of no kind, and of one that is none',
        changes: { 'spec.mutations': [{}, { patchType: 'Other' }] },
        errors: [
          'spec.mutations[0].patchType: Required value',
          'spec.mutations[1].patchType: Unsupported value: "Other": supported values: "ApplyConfiguration", "JSONPatch"',
        ],
      },
      {
        name: 'refuses patches that are no patches',
        changes: {
          'spec.mutations': [
            { patchType: 'ApplyConfiguration', applyConfiguration: { expression: '"a teapot"' } },
            { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object.spec.metadata{}' } },
            { patchType: 'JSONPatch', jsonPatch: { expression: '[1]' } },
            { patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{op: 1}]' } },
          ],
        },
        errors: [
          'spec.mutations[0].applyConfiguration.expression: Invalid value: "\\"a teapot\\"": must evaluate to Object but got string',
          'spec.mutations[1].applyConfiguration.expression: Invalid value: "Object.spec.metadata{}": must evaluate to Object but got Object.spec.metadata',
          'spec.mutations[2].jsonPatch.expression: Invalid value: "[1]": must evaluate to list(JSONPatch) but got list(int)',
          "spec.mutations[3].jsonPatch.expression: Invalid value: \"[JSONPatch{op: 1}]\": compilation failed: ERROR: <input>:1:14: expected type of field 'op' is 'string' but provided type is 'int'…",
        ],
      },
      {
        name: 'refuses patches without an expression',
        changes: {
          'spec.mutations': [
            { patchType: 'JSONPatch', jsonPatch: { expression: ' ' } },
            { patchType: 'JSONPatch', applyConfiguration: { expression: 'Object{}' } },
          ],
        },
        errors: [
          'spec.mutations[0].jsonPatch.expression: Required value',
          'spec.mutations[1].jsonPatch: Required value: must be specified when patchType is JSONPatch',
          'spec.mutations[1].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch',
        ],
      },
    ],
  },
  {
    resource: `validatingadmissionpolicybindings.${group}`,
    valid: {
      metadata: { name: 'config' },
      spec: { policyName: 'xyzlimit-scale.example.com', validationActions: ['Deny'] },
    },
    cases: [
      ...bindings,
      {
        name: 'refuses actions that are none, or twice there',
        changes: { 'spec.validationActions': ['illegal', 'Deny', 'Deny'] },
        errors: [
          'spec.validationActions[0]: Unsupported value: "illegal": supported values: "Audit", "Deny", "Warn"',
          'spec.validationActions[2]: Duplicate value: "Deny"',
        ],
      },
      { name: 'accepts to deny and to note', changes: { 'spec.validationActions': ['Deny', 'Audit'] } },
    ],
  },
  {
    resource: `mutatingadmissionpolicybindings.${group}`,
    valid: { metadata: { name: 'config' }, spec: { policyName: 'xyzlimit-scale.example.com' } },
    cases: [
      ...bindings,
      {
        name: 'accepts connections',
        changes: { 'spec.matchResources': { resourceRules: [rule({ operations: ['CONNECT'] })] } },
      },
      {
        name: 'refuses to change what is deleted',
        changes: { 'spec.matchResources': { resourceRules: [rule({ operations: ['DELETE'] })] } },
        errors: [onlyChanges('matchResources')],
      },
    ],
  },
]);
