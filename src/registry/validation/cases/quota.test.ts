/** ResourceQuotas and LimitRanges. */
import { testCases } from './testing.ts';

const quota = { metadata: { name: 'q' }, spec: { hard: { cpu: '10', pods: '5' } } };
const range = {
  metadata: { name: 'r' },
  spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { cpu: '100m' } }] },
};
const at = 'spec.scopeSelector.matchExpressions';

testCases([
  {
    resource: 'resourcequotas',
    valid: quota,
    cases: [
      {
        name: 'accepts every standard resource',
        changes: {
          'spec.hard': {
            'limits.memory': '1Gi',
            'requests.storage': '1Ti',
            'services.nodeports': '3',
            'requests.hugepages-2Mi': '4Mi',
          },
        },
      },
      { name: 'accepts counts of any objects', changes: { 'spec.hard': { 'count/deployments.apps': '5' } } },
      {
        name: 'accepts storage of a class',
        changes: { 'spec.hard': { 'gold.storageclass.storage.k8s.io/requests.storage': '1Gi' } },
      },
      {
        name: 'refuses less than nothing',
        changes: { 'spec.hard': { cpu: '-1' } },
        errors: ['spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
      },
      {
        name: 'refuses half a pod',
        changes: { 'spec.hard': { pods: '500m' } },
        errors: ['spec.hard[pods]: Invalid value: "500m": must be an integer'],
      },
      {
        name: 'refuses what is no resource',
        changes: { 'spec.hard': { oranges: '1' } },
        errors: [
          'spec.hard[oranges]: Invalid value: "oranges": must be a standard resource type or fully qualified',
          'spec.hard[oranges]: Invalid value: "oranges": must be a standard resource for quota',
        ],
      },
      {
        name: 'refuses storage without requests',
        changes: { 'spec.hard': { storage: '1' } },
        errors: ['spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota'],
      },
      {
        name: 'refuses a name that is none',
        changes: { 'spec.hard': { 'a b/c': '1' } },
        errors: ['spec.hard[a b/c]: Invalid value: "a b/c": prefix part…'],
      },
      { name: 'accepts a scope', changes: { 'spec.scopes': ['NotBestEffort'] } },
      {
        name: 'refuses a scope that is none',
        changes: { 'spec.scopes': ['Sometimes'] },
        errors: ['spec.scopes: Invalid value: ["Sometimes"]: unsupported scope'],
      },
      {
        name: 'refuses a scope for what it does not narrow',
        changes: { 'spec.scopes': ['BestEffort'] },
        errors: ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
      },
      {
        name: 'refuses scopes that exclude each other',
        changes: { 'spec.scopes': ['Terminating', 'NotTerminating'] },
        errors: ['spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes'],
      },
      {
        name: 'accepts a selector of priorities',
        changes: {
          'spec.scopeSelector': {
            matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }],
          },
        },
      },
      {
        name: 'refuses one without values',
        changes: { 'spec.scopeSelector': { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In' }] } },
        errors: [
          `${at}.values: Required value: must be at least one value when \`operator\` is 'In' or 'NotIn' for scope selector`,
        ],
      },
      {
        name: 'refuses values where it only asks whether',
        changes: {
          'spec.scopeSelector': {
            matchExpressions: [{ scopeName: 'PriorityClass', operator: 'Exists', values: ['a'] }],
          },
        },
        errors: [
          `${at}.values: Invalid value: ["a"]: must be no value when \`operator\` is 'Exist' or 'DoesNotExist' for scope selector`,
        ],
      },
      {
        name: 'refuses an operator that is none',
        changes: { 'spec.scopeSelector': { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'Is' }] } },
        errors: [`${at}.operator: Invalid value: "Is": not a valid selector operator`],
      },
      {
        name: 'refuses values for a scope that has none',
        changes: {
          'spec.scopeSelector': { matchExpressions: [{ scopeName: 'Terminating', operator: 'In', values: ['a'] }] },
        },
        errors: [`${at}.operator: Invalid value: "In": must be 'Exists' when scope is any of…`],
      },
      {
        name: 'refuses a selector of a scope that is none',
        changes: { 'spec.scopeSelector': { matchExpressions: [{ scopeName: 'Sometimes', operator: 'Exists' }] } },
        errors: [`${at}.scopeName: Invalid value: "Sometimes": unsupported scope`],
      },
      {
        name: 'refuses another scope',
        changes: { 'spec.scopes': ['NotBestEffort'] },
        update: { 'spec.scopes': ['Terminating'] },
        errors: ['spec.scopes: Invalid value: ["Terminating"]: field is immutable'],
      },
      { name: 'accepts other amounts', update: { 'spec.hard': { cpu: '20' } } },
      {
        name: 'refuses a report of what cannot be used',
        subresource: 'status',
        update: { 'status.used': { pods: '-1' } },
        errors: ['status.used[pods]: Invalid value: "-1": must be greater than or equal to 0'],
      },
    ],
  },
  {
    resource: 'limitranges',
    valid: range,
    cases: [
      { name: 'accepts bounds of a pod', changes: { 'spec.limits': [{ type: 'Pod', max: { memory: '1Gi' } }] } },
      {
        name: 'accepts bounds of a claim',
        changes: {
          'spec.limits': [{ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } }],
        },
      },
      {
        name: 'accepts bounds of things of one’s own',
        changes: { 'spec.limits': [{ type: 'example.com/thing', max: { storage: '1' } }] },
      },
      {
        name: 'refuses a type that is none',
        changes: { 'spec.limits[0].type': 'Thing' },
        errors: ['spec.limits[0].type: Invalid value: "Thing": must be a standard limit type or fully qualified'],
      },
      {
        name: 'refuses a type twice',
        changes: { 'spec.limits': [{ type: 'Pod' }, { type: 'Pod' }] },
        errors: ['spec.limits[1].type: Duplicate value: "Pod"'],
      },
      {
        name: 'refuses a minimum above the maximum',
        changes: { 'spec.limits': [{ type: 'Pod', min: { cpu: '2' }, max: { cpu: '1' } }] },
        errors: ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
      },
      {
        name: 'refuses defaults for pods',
        changes: { 'spec.limits': [{ type: 'Pod', default: { cpu: '1' }, defaultRequest: { cpu: '1' } }] },
        errors: [
          "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
          "spec.limits[0].defaultRequest: Forbidden: may not be specified when `type` is 'Pod'",
        ],
      },
      {
        name: 'refuses a default request above the default limit',
        changes: { 'spec.limits': [{ type: 'Container', default: { cpu: '1' }, defaultRequest: { cpu: '2' } }] },
        errors: [
          'spec.limits[0].defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1',
        ],
      },
      {
        name: 'refuses a default below the minimum',
        changes: { 'spec.limits[0].default': { cpu: '50m' }, 'spec.limits[0].defaultRequest': { cpu: '50m' } },
        errors: [
          'spec.limits[0].defaultRequest[cpu]: Invalid value: "50m": min value 100m is greater than default request value 50m',
          'spec.limits[0].default[cpu]: Invalid value: "100m": min value 100m is greater than default value 50m',
        ],
      },
      {
        name: 'refuses a default above the maximum',
        changes: { 'spec.limits[0].default': { cpu: '3' }, 'spec.limits[0].defaultRequest': { cpu: '1' } },
        errors: ['spec.limits[0].default[cpu]: Invalid value: "2": default value 3 is greater than max value 2'],
      },
      {
        name: 'refuses a ratio below one',
        changes: { 'spec.limits': [{ type: 'Pod', maxLimitRequestRatio: { cpu: '500m' } }] },
        errors: ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1'],
      },
      {
        name: 'refuses a ratio that the bounds do not allow',
        changes: { 'spec.limits[0].maxLimitRequestRatio': { cpu: '30' } },
        errors: [
          'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "30": ratio 30 is greater than max/min = 20.000000',
        ],
      },
      {
        name: 'refuses claims without bounds',
        changes: { 'spec.limits': [{ type: 'PersistentVolumeClaim' }] },
        errors: [
          'spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
        ],
      },
      {
        name: 'refuses storage for containers',
        changes: { 'spec.limits': [{ type: 'Pod', max: { storage: '1' } }] },
        errors: ['spec.limits[0].max[storage]: Invalid value: "storage": must be a standard resource for containers'],
      },
    ],
  },
]);
