/** The rules of HorizontalPodAutoscalers, in the shape of autoscaling/v2: what is scaled, by which metrics, and how fast. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Label, isPathSegmentName } from '../../api/names.ts';
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HPAScalingPolicy,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from '../../api/schema/types/autoscaling-v2.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, nonNegativeFields, oneOfIfGiven, requiredName } from './checks.ts';
import { sign, validateContainerResourceName, validateNonNegative } from './quantities.ts';

const periodSecondsMax = 1800;
const stabilizationSecondsMax = 3600;

export function validateAutoscaler(autoscaler: HorizontalPodAutoscaler, old?: HorizontalPodAutoscaler): FieldError[] {
  const { spec } = autoscaler;
  const { minReplicas, maxReplicas, scaleTargetRef: target } = spec ?? {};
  const before = old?.spec?.scaleTargetRef;
  const keepsVersion = before !== undefined && versionErrors('', before, needsGroup(before)).length > 0;
  return [
    ...validateReplicas(minReplicas, maxReplicas ?? 0, old?.spec?.minReplicas === 0 ? 0 : 1),
    ...validateReference('spec.scaleTargetRef', target),
    ...(keepsVersion ? [] : versionErrors('spec.scaleTargetRef', target, needsGroup(target))),
    ...validateMetrics('spec.metrics', spec?.metrics ?? [], minReplicas),
    ...validateRules('spec.behavior.scaleUp', spec?.behavior?.scaleUp),
    ...validateRules('spec.behavior.scaleDown', spec?.behavior?.scaleDown),
  ];
}

function validateReplicas(min: number | undefined, max: number, least: number): FieldError[] {
  const errors: FieldError[] = [];
  if (min !== undefined && min < least) {
    errors.push(invalidValue('spec.minReplicas', min, `must be greater than or equal to ${least}`));
  }
  if (max === 0) errors.push(required('spec.maxReplicas', 'must be set and greater than 0'));
  else if (max < 1) errors.push(invalidValue('spec.maxReplicas', max, 'must be greater than 0'));
  if (min !== undefined && max < min) {
    errors.push(invalidValue('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'));
  }
  return errors;
}

function validateReference(path: string, reference: CrossVersionObjectReference | undefined): FieldError[] {
  return [
    ...requiredName(`${path}.kind`, reference?.kind, isPathSegmentName),
    ...requiredName(`${path}.name`, reference?.name, isPathSegmentName),
  ];
}

/** Of what the core group has, only this can be scaled. */
const needsGroup = (reference: CrossVersionObjectReference | undefined): boolean =>
  reference?.kind !== 'ReplicationController';

function versionErrors(path: string, reference: CrossVersionObjectReference | undefined, group: boolean): FieldError[] {
  const version = reference?.apiVersion ?? '';
  const slashes = version === '/' ? 0 : version.split('/').length - 1;
  if (slashes > 1) {
    return [invalidValue(`${path}.apiVersion`, version, `unexpected GroupVersion string: ${version}`)];
  }
  const hasGroup = slashes === 1 && !version.startsWith('/');
  if (!group || hasGroup) return [];
  return [invalidValue(`${path}.apiVersion`, version, 'apiVersion must specify API group')];
}

function validateMetrics(path: string, metrics: readonly MetricSpec[], min: number | undefined): FieldError[] {
  const errors = metrics.flatMap((metric, index) => validateMetric(`${path}[${index}]`, metric));
  const hasOutside = metrics.some(({ type }) => type === 'Object' || type === 'External');
  if (min === 0 && !hasOutside) {
    const detail = 'must specify at least one Object or External metric to support scaling to zero replicas';
    errors.push(forbiddenField(path, detail));
  }
  return errors;
}

/** By metric type: the field that tells of it. In the order in which upstream looks for them. */
const sources = {
  Object: 'object',
  External: 'external',
  Pods: 'pods',
  Resource: 'resource',
  ContainerResource: 'containerResource',
} as const;
const sourceTypes = Object.keys(sources).sort();
type SourceField = (typeof sources)[keyof typeof sources];

function validateMetric(path: string, metric: MetricSpec): FieldError[] {
  const type = metric.type ?? '';
  const expected = Object.hasOwn(sources, type) ? sources[type as keyof typeof sources] : undefined;
  const present = Object.values(sources).filter((field) => metric[field] !== undefined);
  const errors: FieldError[] = [];
  if (type === '') errors.push(required(`${path}.type`, 'must specify a metric source type'));
  if (expected === undefined) errors.push(notSupported(`${path}.type`, type, sourceTypes));
  if (present[0]) errors.push(...validateSource(`${path}.${present[0]}`, present[0], metric));
  if (expected && metric[expected] === undefined) {
    errors.push(required(`${path}.${expected}`, 'must populate information for the given metric source'));
  }
  if (present.length === 1) return errors;
  const others = present.filter((field) => field !== expected);
  return [
    ...errors,
    ...others.map((field) => forbiddenField(`${path}.${field}`, 'must populate the given metric source only')),
  ];
}

function validateSource(path: string, field: SourceField, metric: MetricSpec): FieldError[] {
  const source = metric[field] as { readonly target?: MetricTarget; readonly metric?: MetricIdentifier } | undefined;
  const target = source?.target ?? { type: '' };
  return [
    ...validateSubject(path, field, metric),
    ...(source && field !== 'resource' && field !== 'containerResource'
      ? validateIdentifier(`${path}.metric`, source.metric)
      : []),
    ...validateTarget(`${path}.target`, target),
    ...validateChoice(`${path}.target`, field, target),
  ];
}

function validateSubject(path: string, field: SourceField, metric: MetricSpec): FieldError[] {
  if (field === 'object') {
    const described = metric.object?.describedObject;
    return [
      ...validateReference(`${path}.describedObject`, described),
      ...versionErrors(`${path}.describedObject`, described, false),
    ];
  }
  if (field !== 'resource' && field !== 'containerResource') return [];
  const name = metric[field]?.name;
  if (field === 'resource') return name ? [] : [required(`${path}.name`, 'must specify a resource name')];
  const container = metric.containerResource?.container;
  return [
    ...(name
      ? validateContainerResourceName(`${path}.name`, name)
      : [required(`${path}.name`, 'must specify a resource name')]),
    ...(container
      ? invalidEach(`${path}.container`, container, isDns1123Label(container))
      : [required(`${path}.container`, 'must specify a container')]),
  ];
}

function validateIdentifier(path: string, identifier: MetricIdentifier | undefined): FieldError[] {
  const name = identifier?.name;
  if (!name) return [required(`${path}.name`, 'must specify a metric name')];
  return invalidEach(`${path}.name`, name, isPathSegmentName(name));
}

function validateTarget(path: string, { type, value, averageValue, averageUtilization }: MetricTarget): FieldError[] {
  const errors = type === '' ? [required(`${path}.type`, 'must specify a metric target type')] : [];
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    errors.push(invalidValue(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue'));
  }
  for (const [field, amount] of Object.entries({ value, averageValue })) {
    if (amount !== undefined && sign(amount) <= 0) {
      errors.push(invalidValue(`${path}.${field}`, amount, 'must be positive'));
    }
  }
  if (averageUtilization !== undefined && averageUtilization < 1) {
    errors.push(invalidValue(`${path}.averageUtilization`, averageUtilization, 'must be greater than 0'));
  }
  return errors;
}

/** Which of the target's numbers the source goes by: exactly one, save that an object may have both. */
function validateChoice(path: string, field: SourceField, target: MetricTarget): FieldError[] {
  const [value, average, utilization] = [target.value, target.averageValue, target.averageUtilization];
  const neither = value === undefined && average === undefined;
  switch (field) {
    case 'object':
      return neither ? [required(`${path}.averageValue`, 'must set either a target value or averageValue')] : [];
    case 'external': {
      const detail = 'must set either a target value for metric or a per-pod target';
      if (neither) return [required(`${path}.averageValue`, detail)];
      if (value === undefined || average === undefined) return [];
      return [forbiddenField(`${path}.value`, 'may not set both a target value for metric and a per-pod target')];
    }
    case 'pods':
      return average === undefined
        ? [required(`${path}.averageValue`, 'must specify a positive target averageValue')]
        : [];
    case 'resource':
    case 'containerResource': {
      const detail = 'must set either a target raw value or a target utilization';
      if (utilization === undefined && average === undefined) {
        return [required(`${path}.averageUtilization`, detail)];
      }
      if (utilization === undefined || average === undefined) return [];
      return [forbiddenField(`${path}.averageValue`, 'may not set both a target raw value and a target utilization')];
    }
  }
}

function validateRules(path: string, rules: HPAScalingRules | undefined): FieldError[] {
  if (rules === undefined) return [];
  const { stabilizationWindowSeconds: seconds = 0, selectPolicy, policies = [], tolerance } = rules;
  const at = `${path}.stabilizationWindowSeconds`;
  const errors: FieldError[] = [];
  if (seconds < 0) errors.push(invalidValue(at, seconds, 'must be greater than or equal to zero'));
  if (seconds > stabilizationSecondsMax) {
    errors.push(invalidValue(at, seconds, `must be less than or equal to ${stabilizationSecondsMax}`));
  }
  errors.push(...oneOfIfGiven(`${path}.selectPolicy`, selectPolicy, ['Disabled', 'Max', 'Min']));
  if (policies.length === 0) errors.push(required(`${path}.policies`, 'must specify at least one Policy'));
  errors.push(...policies.flatMap((policy, index) => validatePolicy(`${path}.policies[${index}]`, policy)));
  return tolerance === undefined ? errors : [...errors, ...validateNonNegative(`${path}.tolerance`, tolerance)];
}

function validatePolicy(path: string, { type, value, periodSeconds }: HPAScalingPolicy): FieldError[] {
  const errors: FieldError[] = [];
  if (type !== 'Pods' && type !== 'Percent') errors.push(notSupported(`${path}.type`, type, ['Percent', 'Pods']));
  if (value <= 0) errors.push(invalidValue(`${path}.value`, value, 'must be greater than zero'));
  if (periodSeconds <= 0) {
    errors.push(invalidValue(`${path}.periodSeconds`, periodSeconds, 'must be greater than zero'));
  }
  if (periodSeconds > periodSecondsMax) {
    errors.push(
      invalidValue(`${path}.periodSeconds`, periodSeconds, `must be less than or equal to ${periodSecondsMax}`),
    );
  }
  return errors;
}

export function validateAutoscalerStatus({ status }: HorizontalPodAutoscaler): FieldError[] {
  return nonNegativeFields('status', status, ['currentReplicas', 'desiredReplicas']);
}
