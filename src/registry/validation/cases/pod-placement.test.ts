/** What upstream accepts and refuses of the places that a pod asks for: tolerations, affinity and spreads. */
import { testCases } from './testing.ts';

const container = {
  name: 'main',
  image: 'registry.example/app:1',
};
const labelRule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', …";
const affinity = 'spec.affinity.nodeAffinity';
const always = 'requiredDuringSchedulingIgnoredDuringExecution';
const ifPossible = 'preferredDuringSchedulingIgnoredDuringExecution';
const term = { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'web' } } };
const spread = {
  maxSkew: 1,
  topologyKey: 'zone',
  whenUnsatisfiable: 'DoNotSchedule',
  labelSelector: { matchLabels: { app: 'web' } },
};

testCases([
  {
    resource: 'pods',
    valid: { metadata: { name: 'pod', labels: { app: 'web' } }, spec: { containers: [container] } },
    cases: [
      {
        name: 'refuses a toleration of everything that asks for a value',
        changes: { 'spec.tolerations': [{ value: 'x' }] },
        errors: [
          'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ],
      },
      { name: 'takes a toleration of everything', changes: { 'spec.tolerations': [{ operator: 'Exists' }] } },
      {
        name: 'refuses an effect that there is not',
        changes: { 'spec.tolerations': [{ key: 'a', operator: 'Exists', effect: 'Never' }] },
        errors: [
          'spec.tolerations[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
        ],
      },
      {
        name: 'refuses seconds for another effect than eviction',
        changes: { 'spec.tolerations': [{ key: 'a', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 1 }] },
        errors: [
          'spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be \'NoExecute\' when `tolerationSeconds` is set',
        ],
      },
      {
        name: 'takes seconds below zero',
        changes: { 'spec.tolerations': [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: -5 }] },
      },
      {
        name: 'refuses a value beside Exists',
        changes: { 'spec.tolerations': [{ key: 'a', operator: 'Exists', value: 'b' }] },
        errors: ['spec.tolerations[0].operator: Invalid value: "b": value must be empty when `operator` is \'Exists\''],
      },
      {
        name: 'refuses a key and a value that no taint can have',
        changes: { 'spec.tolerations': [{ key: 'a b', value: 'c d' }] },
        errors: [
          'spec.tolerations[0].key: Invalid value: "a b": name part must consist…',
          `spec.tolerations[0].operator: Invalid value: "c d": ${labelRule}`,
        ],
      },
      {
        name: 'refuses an operator that there is not',
        changes: { 'spec.tolerations': [{ key: 'a', operator: 'In', value: 'b' }] },
        errors: ['spec.tolerations[0].operator: Unsupported value: "In": supported values: "Equal", "Exists"'],
      },
      {
        name: 'refuses operators that compare, whose feature is off',
        changes: { 'spec.tolerations': [{ key: 'a', operator: 'Gt', value: '5' }] },
        errors: [
          'spec.tolerations[0].operator: Unsupported value: "Gt": supported values: "Equal", "Exists", "Lt", "Gt"',
        ],
      },

      {
        name: 'refuses a node selector without terms',
        changes: { [`${affinity}.${always}`]: { nodeSelectorTerms: [] } },
        errors: [`${affinity}.${always}.nodeSelectorTerms: Required value: must have at least one node selector term`],
      },
      {
        name: 'refuses expressions whose values do not fit their operator',
        changes: {
          [`${affinity}.${always}`]: {
            nodeSelectorTerms: [
              {
                matchExpressions: [
                  { key: 'a', operator: 'In' },
                  { key: 'a', operator: 'Exists', values: ['b'] },
                  { key: 'a', operator: 'Gt', values: ['1', '2'] },
                  { key: 'a', operator: 'Like', values: ['1'] },
                ],
              },
            ],
          },
        },
        errors: [
          `${affinity}.${always}.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
          `${affinity}.${always}.nodeSelectorTerms[0].matchExpressions[1].values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`,
          `${affinity}.${always}.nodeSelectorTerms[0].matchExpressions[2].values: Required value: must be specified single value when \`operator\` is 'Lt' or 'Gt'`,
          `${affinity}.${always}.nodeSelectorTerms[0].matchExpressions[3].operator: Invalid value: "Like": not a valid selector operator`,
        ],
      },
      {
        name: 'refuses values that no label can have where a node is required',
        changes: {
          [`${affinity}.${always}`]: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'a b', operator: 'In', values: ['c d'] }] }],
          },
        },
        errors: [
          `${affinity}.${always}.nodeSelectorTerms[0].matchExpressions[0].key: Invalid value: "a b": name part must consist…`,
          `${affinity}.${always}.nodeSelectorTerms[0].matchExpressions[0].values[0]: Invalid value: "c d": ${labelRule}`,
        ],
      },
      {
        name: 'takes such values where a node is preferred, since they only never match',
        changes: {
          [`${affinity}.${ifPossible}`]: [
            { weight: 1, preference: { matchExpressions: [{ key: 'a', operator: 'In', values: ['c d'] }] } },
          ],
        },
      },
      {
        name: 'refuses fields of nodes but their name, and more names than one',
        changes: {
          [`${affinity}.${always}`]: {
            nodeSelectorTerms: [
              {
                matchFields: [
                  { key: 'metadata.name', operator: 'In', values: ['a', 'b'] },
                  { key: 'metadata.name', operator: 'Exists' },
                  { key: 'spec.x', operator: 'In', values: ['a'] },
                ],
              },
            ],
          },
        },
        errors: [
          `${affinity}.${always}.nodeSelectorTerms[0].matchFields[0].values: Required value: must be only one value when \`operator\` is 'In' or 'NotIn' for node field selector`,
          `${affinity}.${always}.nodeSelectorTerms[0].matchFields[1].operator: Invalid value: "Exists": not a valid selector operator`,
          `${affinity}.${always}.nodeSelectorTerms[0].matchFields[2].key: Invalid value: "spec.x": not a valid field selector key`,
        ],
      },
      {
        name: 'refuses weights outside of 1 to 100',
        changes: {
          [`${affinity}.${ifPossible}`]: [
            { weight: 0, preference: {} },
            { weight: 101, preference: {} },
          ],
          [`spec.affinity.podAffinity.${ifPossible}`]: [{ weight: 101, podAffinityTerm: term }],
        },
        errors: [
          `${affinity}.${ifPossible}[0].weight: Invalid value: 0: must be in the range 1-100`,
          `${affinity}.${ifPossible}[1].weight: Invalid value: 101: must be in the range 1-100`,
          `spec.affinity.podAffinity.${ifPossible}[0].weight: Invalid value: 101: must be in the range 1-100`,
        ],
      },
      {
        name: 'takes affinity to nodes and pods',
        changes: {
          'spec.affinity': {
            nodeAffinity: {
              [always]: {
                nodeSelectorTerms: [
                  {
                    matchExpressions: [{ key: 'zone', operator: 'In', values: ['a', 'b'] }],
                    matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['n1'] }],
                  },
                ],
              },
            },
            podAffinity: { [always]: [{ ...term, namespaces: ['team'], namespaceSelector: {} }] },
            podAntiAffinity: { [ifPossible]: [{ weight: 100, podAffinityTerm: term }] },
          },
        },
      },
      {
        name: 'refuses terms without a topology, and with faulty selectors and namespaces',
        changes: {
          [`spec.affinity.podAntiAffinity.${always}`]: [
            {
              topologyKey: '',
              namespaces: ['A'],
              labelSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] },
              namespaceSelector: { matchLabels: { b: 'c d' } },
            },
          ],
        },
        errors: [
          `spec.affinity.podAntiAffinity.${always}[0].labelSelector.matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
          `spec.affinity.podAntiAffinity.${always}[0].namespaceSelector.matchLabels: Invalid value: "c d": ${labelRule}`,
          `spec.affinity.podAntiAffinity.${always}[0].namespace: Invalid value: "A": a lowercase RFC 1123 label…`,
          `spec.affinity.podAntiAffinity.${always}[0].topologyKey: Required value: can not be empty`,
          `spec.affinity.podAntiAffinity.${always}[0].topologyKey: Invalid value: "": name part must be non-empty`,
          `spec.affinity.podAntiAffinity.${always}[0].topologyKey: Invalid value: "": name part must consist…`,
        ],
      },
      {
        name: 'takes label keys that the pod has or has not',
        changes: {
          [`spec.affinity.podAffinity.${always}`]: [
            { ...term, matchLabelKeys: ['version'], mismatchLabelKeys: ['team'] },
          ],
        },
      },
      {
        name: 'refuses label keys without a selector',
        changes: { [`spec.affinity.podAffinity.${always}`]: [{ topologyKey: 'zone', matchLabelKeys: ['a'] }] },
        errors: [
          `spec.affinity.podAffinity.${always}[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
        ],
      },
      {
        name: 'refuses a label key in both lists, and one that is none',
        changes: {
          [`spec.affinity.podAffinity.${always}`]: [
            { ...term, matchLabelKeys: ['a', 'b c'], mismatchLabelKeys: ['a'] },
          ],
        },
        errors: [
          `spec.affinity.podAffinity.${always}[0].matchLabelKeys[1]: Invalid value: "b c": name part must consist…`,
          `spec.affinity.podAffinity.${always}[0].matchLabelKeys[0]: Invalid value: "a": exists in both matchLabelKeys and mismatchLabelKeys`,
        ],
      },
      {
        name: 'refuses a label key that the selector names already',
        changes: { [`spec.affinity.podAffinity.${always}`]: [{ ...term, matchLabelKeys: ['app'] }] },
        errors: [
          `spec.affinity.podAffinity.${always}[0][0]: Invalid value: "app": exists in both matchLabelKeys and labelSelector`,
        ],
      },

      { name: 'takes a spread', changes: { 'spec.topologySpreadConstraints': [{ ...spread, minDomains: 2 }] } },
      {
        name: 'refuses a spread that says nothing',
        changes: { 'spec.topologySpreadConstraints': [{}] },
        errors: [
          'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
          'spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty',
          'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "": supported values: "DoNotSchedule", "ScheduleAnyway"',
        ],
      },
      {
        name: 'refuses two spreads of one kind, and names the first',
        changes: { 'spec.topologySpreadConstraints': [spread, spread] },
        errors: [
          'spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"',
        ],
      },
      {
        name: 'takes a strict and a lenient spread over the same topology',
        changes: { 'spec.topologySpreadConstraints': [spread, { ...spread, whenUnsatisfiable: 'ScheduleAnyway' }] },
      },
      {
        name: 'refuses fewest domains below one, and where pods are scheduled anyway',
        changes: {
          'spec.topologySpreadConstraints': [
            { ...spread, minDomains: 0 },
            { ...spread, topologyKey: 'node', whenUnsatisfiable: 'ScheduleAnyway', minDomains: 2 },
          ],
        },
        errors: [
          'spec.topologySpreadConstraints[0].minDomains: Invalid value: 0: must be greater than zero',
          'spec.topologySpreadConstraints[1].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway',
        ],
      },
      {
        name: 'refuses inclusion policies that there are not',
        changes: {
          'spec.topologySpreadConstraints': [{ ...spread, nodeAffinityPolicy: 'No', nodeTaintsPolicy: 'Maybe' }],
        },
        errors: [
          'spec.topologySpreadConstraints[0].nodeAffinityPolicy: Unsupported value: "No": supported values: "Honor", "Ignore"',
          'spec.topologySpreadConstraints[0].nodeTaintsPolicy: Unsupported value: "Maybe": supported values: "Honor", "Ignore"',
        ],
      },
      {
        name: 'refuses a spread whose selector is faulty',
        changes: { 'spec.topologySpreadConstraints': [{ ...spread, labelSelector: { matchLabels: { a: 'b c' } } }] },
        errors: [`spec.topologySpreadConstraints[0].labelSelector.matchLabels: Invalid value: "b c": ${labelRule}`],
      },
      {
        name: 'refuses label keys of a spread without a selector, and keys that it names',
        changes: {
          'spec.topologySpreadConstraints': [
            { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', matchLabelKeys: ['a'] },
            { ...spread, topologyKey: 'node', matchLabelKeys: ['app'] },
          ],
        },
        errors: [
          'spec.topologySpreadConstraints[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set',
          'spec.topologySpreadConstraints[1][0]: Invalid value: "app": exists in both matchLabelKeys and labelSelector',
        ],
      },
    ],
  },
]);
