/**
 * HorizontalPodAutoscalers between autoscaling/v2, in which they are stored, and autoscaling/v1.
 *
 * v1 has one field for a target, the CPU's utilization; all else travels in four annotations, as upstream writes them: metrics
 * and conditions as JSON of v1's own types (`targetAverageUtilization`, where v2 has `target.averageUtilization`), behavior
 * with its fields' Go names. Kept true: v2 → v1 → v2 loses nothing of what v2 accepts; only the CPU's utilization moves
 * behind the other metrics. In v2 nobody sees the annotations; one that cannot be read says nothing.
 */
import { goMarshal } from '../api/apply/go-text.ts';
import { DecodeError, decodeObject, parseJson } from '../api/decode.ts';
import { normalizeObject } from '../api/normalize.ts';
import type { JsonObject, JsonValue } from '../api/object.ts';
import { builtinSchema } from '../api/schema/load.ts';
import type { MessageType } from '../api/schema/schema.ts';
import type { HorizontalPodAutoscaler as AutoscalerV1 } from '../api/schema/types/autoscaling-v1.ts';
import type { HorizontalPodAutoscaler as AutoscalerV2 } from '../api/schema/types/autoscaling-v2.ts';
import { assert } from '../lib/assert.ts';
import type { Draft } from './draft.ts';

const carried = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics',
  currentMetrics: 'autoscaling.alpha.kubernetes.io/current-metrics',
  conditions: 'autoscaling.alpha.kubernetes.io/conditions',
  behavior: 'autoscaling.alpha.kubernetes.io/behavior',
} as const;

type MetricV2 = NonNullable<NonNullable<Draft<AutoscalerV2>['spec']>['metrics']>[number];

export function autoscalerToV1(scaler: Draft<AutoscalerV2>): Draft<AutoscalerV1> {
  const { spec, status, metadata = {}, ...rest } = scaler;
  const { metrics = [], behavior, ...specRest } = spec ?? {};
  const { currentMetrics = [], conditions = [], ...statusRest } = status ?? {};
  const target = metrics.find(isCpu)?.resource?.target?.averageUtilization;
  const current = currentMetrics
    .filter(isCpu)
    .findLast((metric) => metric.resource?.current?.averageUtilization !== undefined);
  const others = metrics.filter(
    (metric) => !isCpu(metric) || metric.resource?.target?.averageUtilization === undefined,
  );
  const annotations: Record<string, string> = {
    ...withoutCarried(metadata.annotations),
    ...listAnnotation(
      carried.metrics,
      'MetricSpec',
      others.map((metric) => metricToV1(metric, targetNames)),
    ),
    ...listAnnotation(
      carried.currentMetrics,
      'MetricStatus',
      currentMetrics.map((metric) => metricToV1(metric, currentNames)),
    ),
    ...(behavior !== undefined && { [carried.behavior]: goMarshal(behaviorWithGoNames(behavior)) }),
    ...listAnnotation(carried.conditions, 'HorizontalPodAutoscalerCondition', conditions),
  };
  return {
    ...rest,
    metadata: withAnnotations(metadata, annotations),
    spec: { ...specRest, ...(target !== undefined && { targetCPUUtilizationPercentage: target }) },
    status: {
      ...statusRest,
      ...(current && { currentCPUUtilizationPercentage: current.resource?.current?.averageUtilization }),
    },
  } as Draft<AutoscalerV1>;
}

export function autoscalerFromV1(scaler: Draft<AutoscalerV1>): Draft<AutoscalerV2> {
  const { spec, status, metadata = {}, ...rest } = scaler;
  const { targetCPUUtilizationPercentage: target, ...specRest } = spec ?? {};
  const { currentCPUUtilizationPercentage: current, ...statusRest } = status ?? {};
  const { annotations = {} } = metadata;
  const others = annotatedList(annotations[carried.metrics], 'MetricSpec') ?? [];
  const metrics = others.map((metric) => metricFromV1(metric, targetNames));
  if (target !== undefined) metrics.push(cpuMetric('target', { type: 'Utilization', averageUtilization: target }));
  const annotated = annotatedList(annotations[carried.currentMetrics], 'MetricStatus');
  const currentMetrics = annotated?.map((metric) => metricFromV1(metric, currentNames)) ?? [];
  if (!annotated && current !== undefined) currentMetrics.push(cpuMetric('current', { averageUtilization: current }));
  const conditions = annotatedList(annotations[carried.conditions], 'HorizontalPodAutoscalerCondition') ?? [];
  const behavior = annotatedBehavior(annotations[carried.behavior]);
  return {
    ...rest,
    metadata: withAnnotations(metadata, withoutCarried(annotations)),
    spec: { ...specRest, ...(metrics.length > 0 && { metrics }), ...(behavior !== undefined && { behavior }) },
    status: {
      ...statusRest,
      ...(currentMetrics.length > 0 && { currentMetrics }),
      ...(conditions.length > 0 && { conditions }),
    },
  } as unknown as Draft<AutoscalerV2>;
}

function isCpu(metric: Pick<MetricV2, 'type'> & { readonly resource?: { readonly name?: string } }): boolean {
  return metric.type === 'Resource' && metric.resource?.name === 'cpu';
}

function cpuMetric(part: 'target' | 'current', values: JsonObject): JsonObject {
  return { type: 'Resource', resource: { name: 'cpu', [part]: values } };
}

/** What v1 calls the values of a metric's target, or of its current state, in each kind of source. */
interface ValueNames {
  readonly part: 'target' | 'current';
  readonly sources: Readonly<Record<string, SourceNames>>;
}

/** Of `value`, `averageValue` and `averageUtilization` those that v1 has; and its names for `metric`. */
interface SourceNames {
  readonly values: Readonly<Record<string, string>>;
  readonly metric?: 'metricSelector' | 'selector';
}

const targetNames: ValueNames = {
  part: 'target',
  sources: {
    object: { values: { value: 'targetValue', averageValue: 'averageValue' }, metric: 'selector' },
    pods: { values: { averageValue: 'targetAverageValue' }, metric: 'selector' },
    resource: { values: { averageUtilization: 'targetAverageUtilization', averageValue: 'targetAverageValue' } },
    containerResource: {
      values: { averageUtilization: 'targetAverageUtilization', averageValue: 'targetAverageValue' },
    },
    external: { values: { value: 'targetValue', averageValue: 'targetAverageValue' }, metric: 'metricSelector' },
  },
};

const currentNames: ValueNames = {
  part: 'current',
  sources: {
    object: { values: { value: 'currentValue', averageValue: 'averageValue' }, metric: 'selector' },
    pods: { values: { averageValue: 'currentAverageValue' }, metric: 'selector' },
    resource: { values: { averageUtilization: 'currentAverageUtilization', averageValue: 'currentAverageValue' } },
    containerResource: {
      values: { averageUtilization: 'currentAverageUtilization', averageValue: 'currentAverageValue' },
    },
    external: { values: { value: 'currentValue', averageValue: 'currentAverageValue' }, metric: 'metricSelector' },
  },
};

function metricToV1(metric: JsonObject, { part, sources }: ValueNames): JsonObject {
  return mapSources(metric, sources, (source, names) => {
    const { [part]: values, metric: identifier, describedObject, ...rest } = source;
    const { name = '', selector } = (identifier ?? {}) as JsonObject;
    return {
      ...rest,
      ...(describedObject !== undefined && { target: describedObject }),
      ...(names.metric && { metricName: name, ...(selector !== undefined && { [names.metric]: selector }) }),
      ...renamed((values ?? {}) as JsonObject, Object.entries(names.values)),
    };
  });
}

function metricFromV1(metric: JsonObject, { part, sources }: ValueNames): JsonObject {
  return mapSources(metric, sources, (source, names, kind) => {
    const values = renamed(
      source,
      Object.entries(names.values).map(([v2, v1]) => [v1, v2]),
    );
    // v1 cannot leave its value out: zero beside an average is what v2 did not say.
    if (values['value'] === '0' && values['averageValue'] !== undefined) delete values['value'];
    const { name, container, target, metricName = '' } = source;
    const selector = names.metric && source[names.metric];
    return {
      ...(name !== undefined && { name }),
      ...(target !== undefined && { describedObject: target }),
      ...(names.metric && { metric: { name: metricName, ...(selector !== undefined && { selector }) } }),
      ...(container !== undefined && { container }),
      [part]: part === 'current' ? values : { type: targetType(kind, values), ...values },
    };
  });
}

/** v1 has no type beside the values: they tell it, as upstream reads them. */
function targetType(kind: string, values: JsonObject): string {
  if (values['averageUtilization'] !== undefined) return 'Utilization';
  if (kind === 'object') return values['averageValue'] === undefined ? 'Value' : 'AverageValue';
  return values['value'] === undefined ? 'AverageValue' : 'Value';
}

function mapSources(
  metric: JsonObject,
  sources: ValueNames['sources'],
  convert: (source: JsonObject, names: SourceNames, kind: string) => JsonObject,
): JsonObject {
  return Object.fromEntries(
    Object.entries(metric).map(([name, value]) => {
      const names = Object.hasOwn(sources, name) ? sources[name] : undefined;
      return [name, names === undefined ? value : convert(value as JsonObject, names, name)];
    }),
  );
}

/** Those of the named fields that are there, under their new names. */
function renamed(object: JsonObject, names: readonly (readonly [string, string])[]): JsonObject {
  const result: JsonObject = {};
  for (const [from, to] of names) if (object[from] !== undefined) result[to] = object[from];
  return result;
}

function behaviorWithGoNames(behavior: JsonObject): JsonObject {
  const rules = (value: JsonValue | undefined): JsonValue =>
    value === undefined ? null : withGoNames(value as JsonObject, ruleFields);
  return { ScaleUp: rules(behavior['scaleUp']), ScaleDown: rules(behavior['scaleDown']) };
}

const ruleFields = ['stabilizationWindowSeconds', 'selectPolicy', 'policies', 'tolerance'];
const policyFields = ['type', 'value', 'periodSeconds'];

function withGoNames(object: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(
    fields.map((field) => {
      const value = object[field] ?? null;
      const shown = Array.isArray(value) ? value.map((each) => withGoNames(each as JsonObject, policyFields)) : value;
      return [field.charAt(0).toUpperCase() + field.slice(1), shown];
    }),
  );
}

/** Undefined where nothing is said. Go reads names in whatever case they are written. */
function annotatedBehavior(text: string | undefined): JsonObject | undefined {
  const behavior = readable(text, (value) =>
    decodeObject(typeNamed('v2', 'HorizontalPodAutoscalerBehavior'), withJsonNames(value)),
  );
  return behavior && Object.keys(behavior.object).length > 0 ? behavior.object : undefined;
}

function withJsonNames(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withJsonNames);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name.charAt(0).toLowerCase() + name.slice(1), withJsonNames(each)]),
  );
}

function listAnnotation(name: string, type: string, items: readonly JsonObject[]): Record<string, string> {
  if (items.length === 0) return {};
  const message = typeNamed('v1', type);
  return { [name]: goMarshal(items.map((item) => withNulls(message, normalizeObject(message, item)))) };
}

/** What is always there, and has no value, Go prints as null: times. */
function withNulls(type: MessageType, object: JsonObject): JsonObject {
  const shown = type.fields.filter(({ name, alwaysEncoded }) => alwaysEncoded || object[name] !== undefined);
  return Object.fromEntries(shown.map(({ name }) => [name, object[name] ?? null]));
}

function annotatedList(text: string | undefined, type: string): JsonObject[] | undefined {
  return readable(text, (value) =>
    Array.isArray(value) ? value.map((item) => decodeObject(typeNamed('v1', type), item).object) : undefined,
  );
}

function readable<T>(text: string | undefined, read: (value: JsonValue) => T): T | undefined {
  if (text === undefined) return undefined;
  try {
    return read(parseJson(text).value);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function typeNamed(version: 'v1' | 'v2', name: string): MessageType {
  const type = builtinSchema().message(`io.k8s.api.autoscaling.${version}.${name}`);
  assert(type !== undefined, 'the tables have the types that annotations carry');
  return type;
}

const carriedNames: ReadonlySet<string> = new Set(Object.values(carried));

/** They are made anew from the object itself: what a client left in them may be old. */
function withoutCarried(annotations: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => !carriedNames.has(name)));
}

function withAnnotations<M extends { annotations?: Record<string, string> }>(
  metadata: M,
  annotations: Record<string, string>,
): M {
  const { annotations: _old, ...rest } = metadata;
  return (Object.keys(annotations).length > 0 ? { ...rest, annotations } : rest) as M;
}
