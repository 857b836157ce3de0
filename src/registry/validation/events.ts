/**
 * The rules of Events. Those that come through the core group's API need little, as they always did; those that come through
 * events.k8s.io are held to its shape, and afterwards only their series changes.
 */
import { invalidValue, required } from '../../api/field-error.ts';
import { isDns1123Subdomain, isQualifiedName } from '../../api/names.ts';
import type { Event, ObjectReference } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { immutable, invalidEach } from './checks.ts';

const lineBytesMax = 128;
const noteBytesMax = 1024;

/** As the core group calls its field. */
export function validateEvent(event: Event): FieldError[] {
  return validateAny(event, 'reportingComponent');
}

/** What comes through events.k8s.io. Paths are those of upstream's one internal shape. */
export function validateStrictEvent(event: Event, old?: Event): FieldError[] {
  const errors = validateAny(event, 'reportingController');
  return old === undefined ? [...errors, ...validateNewForm(event)] : errors;
}

function validateAny(event: Event, reporter: string): FieldError[] {
  const own = event.metadata?.namespace ?? '';
  const about = event.involvedObject?.namespace ?? '';
  const errors: FieldError[] = [];
  const mayBeOutside = own === '' || own === 'default' || (own === 'kube-system' && Boolean(event.eventTime));
  const fits = about === '' ? mayBeOutside : about === own || Boolean(event.eventTime);
  if (!fits) errors.push(invalidValue('involvedObject.namespace', about, 'does not match event.namespace'));
  if (event.eventTime) errors.push(...validateTimed(event, reporter));
  return [...errors, ...invalidEach('namespace', own, isDns1123Subdomain(own))];
}

/** An event that says exactly when it happened says who saw it as well. */
function validateTimed(event: Event, reporter: string): FieldError[] {
  const { reportingComponent = '', reportingInstance = '', action = '', reason = '', message = '' } = event;
  const errors = reportingComponent === '' ? [required(reporter)] : [];
  errors.push(...invalidEach(reporter, reportingComponent, isQualifiedName(reportingComponent)));
  for (const [field, text] of Object.entries({ reportingInstance, action, reason })) {
    if (text === '') errors.push(required(field));
    errors.push(...atMost(field, text, lineBytesMax));
  }
  return [...errors, ...atMost('message', message, noteBytesMax)];
}

function atMost(field: string, text: string, max: number): FieldError[] {
  return Buffer.byteLength(text) > max ? [invalidValue(field, '', `can have at most ${max} characters`)] : [];
}

function validateNewForm(event: Event): FieldError[] {
  const { type = '', source = {} } = event;
  const errors = [...validateSeries(event), ...(event.eventTime ? [] : [required('eventTime')])];
  if (type !== 'Normal' && type !== 'Warning') {
    errors.push(invalidValue('type', '', `has invalid value: ${type}`));
  }
  const old = {
    firstTimestamp: event.firstTimestamp,
    lastTimestamp: event.lastTimestamp,
    count: event.count,
    source: source.component || source.host,
  };
  for (const [field, value] of Object.entries(old)) {
    if (value) errors.push(invalidValue(field, '', 'needs to be unset'));
  }
  return errors;
}

function validateSeries({ series }: Event): FieldError[] {
  if (series === undefined || series === null) return [];
  const errors = (series.count ?? 0) < 2 ? [invalidValue('series.count', '', 'should be at least 2')] : [];
  return series.lastObservedTime ? errors : [...errors, required('series.lastObservedTime')];
}

/** With the path that is shown, and what is shown of the field: upstream's one internal shape. */
const fixedFields: readonly (readonly [field: keyof Event, shown: string, form: (event: Event) => unknown])[] = [
  ['involvedObject', 'involvedObject', ({ involvedObject }) => referenceForm(involvedObject ?? {})],
  ['reason', 'reason', ({ reason = '' }) => reason],
  ['message', 'message', ({ message = '' }) => message],
  ['source', 'source', ({ source }) => ({ Component: source?.component ?? '', Host: source?.host ?? '' })],
  ['firstTimestamp', 'firstTimestamp', ({ firstTimestamp }) => firstTimestamp],
  ['lastTimestamp', 'lastTimestamp', ({ lastTimestamp }) => lastTimestamp],
  ['count', 'count', ({ count = 0 }) => count],
  ['type', 'type', ({ type = '' }) => type],
  ['eventTime', 'eventTime', ({ eventTime }) => eventTime],
  ['action', 'action', ({ action = '' }) => action],
  ['related', 'related', ({ related }) => related && referenceForm(related)],
  ['reportingComponent', 'reportingController', ({ reportingComponent = '' }) => reportingComponent],
  ['reportingInstance', 'reportingInstance', ({ reportingInstance = '' }) => reportingInstance],
];

function referenceForm(reference: ObjectReference): object {
  const { kind = '', namespace = '', name = '', uid = '', apiVersion = '' } = reference;
  const { resourceVersion = '', fieldPath = '' } = reference;
  return {
    Kind: kind,
    Namespace: namespace,
    Name: name,
    UID: uid,
    APIVersion: apiVersion,
    ResourceVersion: resourceVersion,
    FieldPath: fieldPath,
  };
}

export function validateStrictEventUpdate(event: Event, old: Event): FieldError[] {
  return [
    ...(sameJson(event.series, old.series) ? [] : validateSeries(event)),
    ...fixedFields.flatMap(([field, shown, form]) => immutable(shown, form(event), sameJson(event[field], old[field]))),
  ];
}
