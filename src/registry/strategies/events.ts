/**
 * Events: stored in the core group's shape, shown in that of events.k8s.io too (see `conversion.ts`).
 *
 * Who writes through events.k8s.io is held to more: an event has its time, says who reports what, and changes only in its
 * series. Paths are those of the core group's fields, as upstream's, because that is the shape that is looked at.
 */

import { invalidValue, required } from '../../api/field-error.ts';
import { isQualifiedName } from '../../api/names.ts';
import type { Event } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import { immutable, invalidEach } from '../validation/checks.ts';

const references = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const;
const referenceFields: Readonly<Record<string, (event: Event) => string>> = Object.fromEntries(
  references.map((name) => [`involvedObject.${name}`, ({ involvedObject }: Event) => involvedObject?.[name] ?? '']),
);

export const eventStrategy: Strategy<Event> = {
  allowCreateOnUpdate: true,
  dependents: 'never looked for',
  validate: (event) => eventErrors(event, 'reportingComponent'),
  fields: {
    ...referenceFields,
    reason: ({ reason }) => reason ?? '',
    type: ({ type }) => type ?? '',
    source: ({ source, reportingComponent }) => source?.component || reportingComponent || '',
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
  },
};

/** Of events.k8s.io. */
export const strictEventStrategy: Strategy<Event> = {
  ...eventStrategy,
  validate: (event, old) => [
    ...eventErrors(event, 'reportingController'),
    ...(old === undefined ? strictErrors(event) : []),
  ],
  validateUpdate: (event, old) => [
    ...(sameJson(event.series, old.series) ? [] : seriesErrors(event)),
    ...lastingFields.flatMap(([field, path]) =>
      immutable(path, event[field] ?? '', sameJson(event[field], old[field])),
    ),
  ],
};

/** All but the series, in upstream's order, and under upstream's paths. */
const lastingFields = [
  ['involvedObject', 'involvedObject'],
  ['reason', 'reason'],
  ['message', 'message'],
  ['source', 'source'],
  ['firstTimestamp', 'firstTimestamp'],
  ['lastTimestamp', 'lastTimestamp'],
  ['count', 'count'],
  ['reason', 'reason'],
  ['type', 'type'],
  ['eventTime', 'eventTime'],
  ['action', 'action'],
  ['related', 'related'],
  ['reportingComponent', 'reportingController'],
  ['reportingInstance', 'reportingInstance'],
] as const satisfies readonly (readonly [keyof Event, string])[];

/** Where an event about an object of the whole cluster may stand. */
const clusterNamespaces = { old: ['default'], timed: ['default', 'kube-system'] } as const;

/** What holds in both groups. An event that has a time of its own is of the newer form, and has to say more. */
function eventErrors(event: Event, reporter: string): FieldError[] {
  const about = event.involvedObject?.namespace ?? '';
  const own = event.metadata?.namespace ?? '';
  const mismatch = invalidValue('involvedObject.namespace', about, 'does not match event.namespace');
  if (!event.eventTime) {
    const fits = about === own || (about === '' && own === clusterNamespaces.old[0]);
    return fits ? [] : [mismatch];
  }
  const fits = about !== '' || (clusterNamespaces.timed as readonly string[]).includes(own);
  return [...(fits ? [] : [mismatch]), ...timedErrors(event, reporter)];
}

const nameBytesMax = 128;
const noteBytesMax = 1024;

function timedErrors(event: Event, reporter: string): FieldError[] {
  const controller = event.reportingComponent ?? '';
  return [
    ...(controller === '' ? [required(reporter)] : []),
    ...invalidEach(reporter, controller, isQualifiedName(controller)),
    ...requiredWithin('reportingInstance', event.reportingInstance),
    ...requiredWithin('action', event.action),
    ...requiredWithin('reason', event.reason),
    ...within('message', event.message ?? '', noteBytesMax),
  ];
}

function requiredWithin(path: string, text = ''): FieldError[] {
  return text === '' ? [required(path)] : within(path, text, nameBytesMax);
}

function within(path: string, text: string, bytesMax: number): FieldError[] {
  const fits = Buffer.byteLength(text) <= bytesMax;
  return fits ? [] : [invalidValue(path, '', `can have at most ${bytesMax} characters`)];
}

const oldFields = ['firstTimestamp', 'lastTimestamp', 'count'] as const;

function strictErrors(event: Event): FieldError[] {
  const { type = '', source } = event;
  const isKnown = type === 'Normal' || type === 'Warning';
  const unset = 'needs to be unset';
  return [
    ...seriesErrors(event),
    ...(event.eventTime ? [] : [required('eventTime')]),
    ...(isKnown ? [] : [invalidValue('type', '', `has invalid value: ${type}`)]),
    ...oldFields.flatMap((field) => (event[field] ? [invalidValue(field, '', unset)] : [])),
    ...(source?.component || source?.host ? [invalidValue('source', '', unset)] : []),
  ];
}

function seriesErrors({ series }: Event): FieldError[] {
  if (!series) return [];
  return [
    ...((series.count ?? 0) < 2 ? [invalidValue('series.count', '', 'should be at least 2')] : []),
    ...(series.lastObservedTime ? [] : [required('series.lastObservedTime')]),
  ];
}
