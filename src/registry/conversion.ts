/**
 * One object, two shapes: kinds that the API shows in more than one version with different fields.
 *
 * An object is stored in one version (`ResourceInfo.storageVersion`, `storedAs`) and converted when another one asks. Pure
 * functions both ways; what only one side knows is kept in annotations, as upstream does. Where no row stands here, the
 * versions have the same fields and only `apiVersion` changes.
 */
import type { HorizontalPodAutoscaler as AutoscalerV1 } from '../api/schema/types/autoscaling-v1.ts';
import type { HorizontalPodAutoscaler as AutoscalerV2, MetricSpec } from '../api/schema/types/autoscaling-v2.ts';
import type { Event as CoreEvent } from '../api/schema/types/core-v1.ts';
import type { Event as EventsEvent } from '../api/schema/types/events-v1.ts';
import { type Draft, draftOf, type ObjectDraft } from './draft.ts';

type Convert = (draft: ObjectDraft) => ObjectDraft;

/** By `kind`, `apiVersion` from, `apiVersion` to. */
const conversions: Readonly<Record<string, Convert>> = {
  'Event v1 events.k8s.io/v1': (draft) => eventFromCore(draft as Draft<CoreEvent>),
  'Event events.k8s.io/v1 v1': (draft) => eventToCore(draft as Draft<EventsEvent>),
  'HorizontalPodAutoscaler autoscaling/v2 autoscaling/v1': (draft) => autoscalerToV1(draft as Draft<AutoscalerV2>),
  'HorizontalPodAutoscaler autoscaling/v1 autoscaling/v2': (draft) => autoscalerFromV1(draft as Draft<AutoscalerV1>),
};

/** Takes the draft over and returns it in `apiVersion`. */
export function convert(draft: ObjectDraft, apiVersion: string): ObjectDraft {
  if (draft.apiVersion === apiVersion) return draft;
  const converted = conversions[`${draft.kind} ${draft.apiVersion} ${apiVersion}`]?.(draft) ?? draft;
  converted.apiVersion = apiVersion;
  return converted;
}

/** In events.k8s.io the fields that the core group had first carry the word `deprecated`. */
const eventFields = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
] as const;

function eventFromCore(event: Draft<CoreEvent>): Draft<EventsEvent> {
  return renamed(
    event,
    eventFields.map(([core, events]) => [core, events]),
  ) as unknown as Draft<EventsEvent>;
}

function eventToCore(event: Draft<EventsEvent>): Draft<CoreEvent> {
  const core = renamed(
    event,
    eventFields.map(([core, events]) => [events, core]),
  ) as unknown as Draft<CoreEvent>;
  core.involvedObject ??= {};
  return core;
}

function renamed(object: object, names: readonly (readonly [string, string])[]): Record<string, unknown> {
  const byName = new Map(names);
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [byName.get(name) ?? name, value]));
}

/** Where autoscaling/v1 has no field, the value travels as JSON in these annotations. */
const carried = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics',
  behavior: 'autoscaling.alpha.kubernetes.io/behavior',
  currentMetrics: 'autoscaling.alpha.kubernetes.io/current-metrics',
  conditions: 'autoscaling.alpha.kubernetes.io/conditions',
} as const;

function isPlainCpu(metric: { readonly type?: string; readonly resource?: { readonly name?: string } }): boolean {
  return metric.type === 'Resource' && metric.resource?.name === 'cpu';
}

function autoscalerToV1(scaler: Draft<AutoscalerV2>): Draft<AutoscalerV1> {
  const { spec, status, metadata = {}, ...rest } = scaler;
  const metrics = spec?.metrics ?? [];
  const cpu = metrics.find((metric) => isPlainCpu(metric) && metric.resource?.target?.averageUtilization !== undefined);
  const currentCpu = status?.currentMetrics?.find(isPlainCpu)?.resource?.current?.averageUtilization;
  const annotations = {
    ...metadata.annotations,
    ...asAnnotation(
      carried.metrics,
      metrics.filter((metric) => metric !== cpu),
    ),
    ...asAnnotation(carried.behavior, spec?.behavior),
    ...asAnnotation(carried.currentMetrics, status?.currentMetrics),
    ...asAnnotation(carried.conditions, status?.conditions),
  };
  const { metrics: _metrics, behavior: _behavior, ...specRest } = spec ?? {};
  const { currentMetrics: _current, conditions: _conditions, ...statusRest } = status ?? {};
  const target = cpu?.resource?.target?.averageUtilization;
  return {
    ...rest,
    metadata: { ...metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: { ...specRest, ...(target !== undefined && { targetCPUUtilizationPercentage: target }) },
    status: { ...statusRest, ...(currentCpu !== undefined && { currentCPUUtilizationPercentage: currentCpu }) },
  } as Draft<AutoscalerV1>;
}

function asAnnotation(name: string, value: unknown): Record<string, string> {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return {};
  return { [name]: JSON.stringify(value) };
}

function autoscalerFromV1(scaler: Draft<AutoscalerV1>): Draft<AutoscalerV2> {
  const { spec, status, metadata = {}, ...rest } = scaler;
  const annotations = draftOf(metadata.annotations ?? {});
  const metrics = (takeAnnotation(annotations, carried.metrics) as Draft<MetricSpec>[] | undefined) ?? [];
  const behavior = takeAnnotation(annotations, carried.behavior);
  const currentMetrics = takeAnnotation(annotations, carried.currentMetrics);
  const conditions = takeAnnotation(annotations, carried.conditions);
  const { targetCPUUtilizationPercentage: target, ...specRest } = spec ?? {};
  const { currentCPUUtilizationPercentage: _current, ...statusRest } = status ?? {};
  if (target !== undefined) metrics.unshift(cpuMetric(target));
  return {
    ...rest,
    metadata: withAnnotations(metadata, annotations),
    spec: { ...specRest, ...(metrics.length > 0 && { metrics }), ...(behavior !== undefined && { behavior }) },
    status: {
      ...statusRest,
      ...(currentMetrics !== undefined && { currentMetrics }),
      ...(conditions !== undefined && { conditions }),
    },
  } as unknown as Draft<AutoscalerV2>;
}

function cpuMetric(averageUtilization: number): Draft<MetricSpec> {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

/** An annotation that is no JSON was written by hand: it says nothing. */
function takeAnnotation(annotations: Record<string, string>, name: string): unknown {
  const text = annotations[name];
  delete annotations[name];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function withAnnotations<M extends { annotations?: Record<string, string> }>(
  metadata: M,
  annotations: Record<string, string>,
): M {
  const { annotations: _old, ...rest } = metadata;
  return (Object.keys(annotations).length > 0 ? { ...rest, annotations } : rest) as M;
}
