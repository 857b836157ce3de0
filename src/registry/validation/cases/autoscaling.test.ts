/** HorizontalPodAutoscalers of both versions. */
import type { JsonObject } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const target = { type: 'Utilization', averageUtilization: 50 };
const cpu = { type: 'Resource', resource: { name: 'cpu', target } };
const metric = 'spec.metrics[0]';
const up = 'spec.behavior.scaleUp';

const valid = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web' },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    minReplicas: 1,
    maxReplicas: 5,
    metrics: [cpu],
  },
};

const sourceTypes = '"ContainerResource", "External", "Object", "Pods", "Resource"';
const object = {
  type: 'Object',
  object: {
    describedObject: { apiVersion: 'v1', kind: 'Service', name: 'web' },
    metric: { name: 'hits' },
    target: { type: 'Value', value: '100' },
  },
};

const replicas: ValidationCase[] = [
  {
    name: 'refuses to go down to no pods',
    changes: { 'spec.minReplicas': 0 },
    errors: [
      'spec.minReplicas: Invalid value: 0: must be greater than or equal to 1',
      'spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas',
    ],
  },
  {
    name: 'refuses a negative least',
    changes: { 'spec.minReplicas': -1 },
    errors: ['spec.minReplicas: Invalid value: -1: must be greater than or equal to 1'],
  },
  {
    name: 'refuses no most',
    changes: { 'spec.maxReplicas': undefined },
    errors: [
      'spec.maxReplicas: Required value: must be set and greater than 0',
      'spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`',
    ],
  },
  {
    name: 'refuses a negative most',
    changes: { 'spec.maxReplicas': -5 },
    errors: [
      'spec.maxReplicas: Invalid value: -5: must be greater than 0',
      'spec.maxReplicas: Invalid value: -5: must be greater than or equal to `minReplicas`',
    ],
  },
  {
    name: 'refuses a most below the least',
    changes: { 'spec.minReplicas': 7 },
    errors: ['spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`'],
  },
  { name: 'accepts a least that is not said', changes: { 'spec.minReplicas': undefined } },
];

const targets: ValidationCase[] = [
  {
    name: 'refuses no target',
    changes: { 'spec.scaleTargetRef': {} },
    errors: [
      'spec.scaleTargetRef.kind: Required value',
      'spec.scaleTargetRef.name: Required value',
      'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group',
    ],
  },
  {
    name: 'refuses a kind and a name that cannot stand in a URL',
    changes: { 'spec.scaleTargetRef': { apiVersion: 'apps/v1', kind: 'De/ployment', name: '..' } },
    errors: [
      `spec.scaleTargetRef.kind: Invalid value: "De/ployment": may not contain '/'`,
      `spec.scaleTargetRef.name: Invalid value: "..": may not be '..'`,
    ],
  },
  {
    name: 'refuses a version that is none',
    changes: { 'spec.scaleTargetRef.apiVersion': 'a/b/c' },
    errors: ['spec.scaleTargetRef.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
  },
  {
    name: 'accepts the one kind of the core group that scales',
    changes: { 'spec.scaleTargetRef': { apiVersion: 'v1', kind: 'ReplicationController', name: 'web' } },
  },
];

const source = (type: string, field: string, value: JsonObject): JsonObject => ({ type, [field]: value });

const metrics: ValidationCase[] = [
  {
    name: 'refuses a metric without a type',
    changes: { [metric]: {} },
    errors: [
      `${metric}.type: Required value: must specify a metric source type`,
      `${metric}.type: Unsupported value: "": supported values: ${sourceTypes}`,
    ],
  },
  {
    name: 'refuses a type that it does not know',
    changes: { [metric]: { type: 'Weather' } },
    errors: [`${metric}.type: Unsupported value: "Weather": supported values: ${sourceTypes}`],
  },
  {
    name: 'refuses a type without its source',
    changes: { [metric]: { type: 'Pods' } },
    errors: [`${metric}.pods: Required value: must populate information for the given metric source`],
  },
  {
    name: 'refuses a second source',
    changes: { [`${metric}.pods`]: { metric: { name: 'x' }, target: { type: 'AverageValue', averageValue: '1' } } },
    errors: [`${metric}.pods: Forbidden: must populate the given metric source only`],
  },
  {
    name: 'refuses a resource without name and target',
    changes: { [metric]: source('Resource', 'resource', { target: { type: 'Utilization' } }) },
    errors: [
      `${metric}.resource.name: Required value: must specify a resource name`,
      `${metric}.resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization`,
    ],
  },
  {
    name: 'refuses a share and an amount at once',
    changes: { [`${metric}.resource.target.averageValue`]: '100m' },
    errors: [
      `${metric}.resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization`,
    ],
  },
  {
    name: 'refuses a target that is not above nothing',
    changes: { [`${metric}.resource.target`]: { type: 'Utilization', averageUtilization: 0 } },
    errors: [`${metric}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0`],
  },
  {
    name: 'refuses a target of no type',
    changes: { [`${metric}.resource.target`]: { averageUtilization: 10 } },
    errors: [
      `${metric}.resource.target.type: Required value: must specify a metric target type`,
      `${metric}.resource.target.type: Invalid value: "": must be either Utilization, Value, or AverageValue`,
    ],
  },
  {
    name: 'accepts a resource of one container',
    changes: { [metric]: source('ContainerResource', 'containerResource', { name: 'cpu', container: 'app', target }) },
  },
  {
    name: 'refuses it without the container, and a resource that containers do not have',
    changes: { [metric]: source('ContainerResource', 'containerResource', { name: 'pods', target }) },
    errors: [
      `${metric}.containerResource.name: Invalid value: "pods": must be a standard resource for containers`,
      `${metric}.containerResource.container: Required value: must specify a container`,
    ],
  },
  { name: 'accepts a metric of an object', changes: { [metric]: object } },
  {
    name: 'refuses one that names no object and no target',
    changes: { [metric]: source('Object', 'object', { describedObject: {}, metric: {}, target: { type: 'Value' } }) },
    errors: [
      `${metric}.object.describedObject.kind: Required value`,
      `${metric}.object.describedObject.name: Required value`,
      `${metric}.object.metric.name: Required value: must specify a metric name`,
      `${metric}.object.target.averageValue: Required value: must set either a target value or averageValue`,
    ],
  },
  {
    name: 'refuses a metric of pods without an average',
    changes: { [metric]: source('Pods', 'pods', { metric: { name: 'a/b' }, target: { type: 'Value', value: '-1' } }) },
    errors: [
      `${metric}.pods.metric.name: Invalid value: "a/b": may not contain '/'`,
      `${metric}.pods.target.value: Invalid value: "-1": must be positive`,
      `${metric}.pods.target.averageValue: Required value: must specify a positive target averageValue`,
    ],
  },
  {
    name: 'accepts a metric from outside',
    changes: {
      [metric]: source('External', 'external', { metric: { name: 'queue' }, target: { type: 'Value', value: '5' } }),
    },
  },
  {
    name: 'refuses one with two targets',
    changes: {
      [metric]: source('External', 'external', {
        metric: { name: 'queue' },
        target: { type: 'Value', value: '5', averageValue: '2' },
      }),
    },
    errors: [
      `${metric}.external.target.value: Forbidden: may not set both a target value for metric and a per-pod target`,
    ],
  },
];

const policies = [{ type: 'Pods', value: 1, periodSeconds: 60 }];

const behaviour: ValidationCase[] = [
  {
    name: 'accepts rules',
    changes: { [up]: { stabilizationWindowSeconds: 3600, selectPolicy: 'Min', policies, tolerance: '50m' } },
  },
  {
    name: 'refuses a window below zero, and a policy of no kind',
    changes: { [up]: { stabilizationWindowSeconds: -1, selectPolicy: 'Any', policies: [{}] } },
    errors: [
      `${up}.stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero`,
      `${up}.selectPolicy: Unsupported value: "Any": supported values: "Disabled", "Max", "Min"`,
      `${up}.policies[0].type: Unsupported value: "": supported values: "Percent", "Pods"`,
      `${up}.policies[0].value: Invalid value: 0: must be greater than zero`,
      `${up}.policies[0].periodSeconds: Invalid value: 0: must be greater than zero`,
    ],
  },
  {
    name: 'refuses a window and a period that are too long',
    changes: {
      [up]: { stabilizationWindowSeconds: 3601, policies: [{ type: 'Percent', value: 10, periodSeconds: 1801 }] },
    },
    errors: [
      `${up}.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600`,
      `${up}.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800`,
    ],
  },
  {
    name: 'refuses a negative tolerance',
    changes: { 'spec.behavior.scaleDown': { tolerance: '-1' } },
    errors: ['spec.behavior.scaleDown.tolerance: Invalid value: "-1": must be greater than or equal to 0'],
  },
];

testCases([
  {
    resource: 'horizontalpodautoscalers.v2.autoscaling',
    valid,
    cases: [
      ...replicas,
      ...targets,
      ...metrics,
      ...behaviour,
      { name: 'accepts another most', update: { 'spec.maxReplicas': 9 } },
      {
        name: 'refuses a most of nothing in an update',
        update: { 'spec.maxReplicas': 0 },
        errors: [
          'spec.maxReplicas: Required value: must be set and greater than 0',
          'spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`',
        ],
      },
      {
        name: 'refuses a status with fewer pods than none',
        subresource: 'status',
        update: { status: { currentReplicas: -1, desiredReplicas: -2 } },
        errors: [
          'status.currentReplicas: Invalid value: -1: must be greater than or equal to 0',
          'status.desiredReplicas: Invalid value: -2: must be greater than or equal to 0',
        ],
      },
    ],
  },
  {
    resource: 'horizontalpodautoscalers.v1.autoscaling',
    valid: {
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'old' },
      spec: { scaleTargetRef: valid.spec.scaleTargetRef, maxReplicas: 5, targetCPUUtilizationPercentage: 50 },
    },
    cases: [
      {
        name: 'refuses a share of nothing, under the path of v2',
        changes: { 'spec.targetCPUUtilizationPercentage': 0 },
        errors: [`${metric}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0`],
      },
    ],
  },
]);
