/**
 * One object, two shapes: kinds that the API shows in more than one version with different fields.
 *
 * An object is stored in one version (`ResourceInfo.storageVersion`, `storedAs`) and converted when another one asks. Pure
 * functions both ways; what only one side knows is kept in annotations, as upstream does. Where no row stands here, the
 * versions have the same fields and only `apiVersion` changes.
 */
import type { HorizontalPodAutoscaler as AutoscalerV1 } from '../api/schema/types/autoscaling-v1.ts';
import type { HorizontalPodAutoscaler as AutoscalerV2 } from '../api/schema/types/autoscaling-v2.ts';
import type { Event as CoreEvent } from '../api/schema/types/core-v1.ts';
import type { Event as EventsEvent } from '../api/schema/types/events-v1.ts';
import { autoscalerFromV1, autoscalerToV1 } from './autoscaler-conversion.ts';
import type { Draft, ObjectDraft } from './draft.ts';

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
