/** Events of the core group, and of events.k8s.io. */
import { testCases } from './testing.ts';

const timed = {
  eventTime: '2026-01-01T00:00:00.000000Z',
  reportingComponent: 'example.com/agent',
  reportingInstance: 'agent-1',
  action: 'Pull',
  reason: 'Pulled',
};
const namespaceMismatch = (namespace: string): string =>
  `involvedObject.namespace: Invalid value: "${namespace}": does not match event.namespace`;
const long = 'x'.repeat(129);

testCases([
  {
    resource: 'events',
    valid: {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'web.1', namespace: 'default' },
      involvedObject: { kind: 'Pod', namespace: 'default', name: 'web' },
      reason: 'Started',
    },
    cases: [
      { name: 'accepts a name in capitals', changes: { 'metadata.name': 'WEB_1' } },
      { name: 'accepts an object of the whole cluster', changes: { 'involvedObject.namespace': undefined } },
      {
        name: 'refuses an object of another namespace',
        changes: { 'involvedObject.namespace': 'team' },
        errors: [namespaceMismatch('team')],
      },
      { name: 'accepts an event with a time, and all that it needs', changes: timed },
      {
        name: 'refuses an event with a time and nothing else',
        changes: { eventTime: timed.eventTime, reason: undefined },
        errors: [
          'reportingComponent: Required value',
          'reportingComponent: Invalid value: "": name part must be non-empty',
          'reportingComponent: Invalid value: "": name part must consist…',
          'reportingInstance: Required value',
          'action: Required value',
          'reason: Required value',
        ],
      },
      {
        name: 'refuses texts that are too long',
        changes: { ...timed, reportingInstance: long, action: long, reason: long, message: 'x'.repeat(1025) },
        errors: [
          'reportingInstance: Invalid value: "": can have at most 128 characters',
          'action: Invalid value: "": can have at most 128 characters',
          'reason: Invalid value: "": can have at most 128 characters',
          'message: Invalid value: "": can have at most 1024 characters',
        ],
      },
      { name: 'accepts another message', update: { message: 'again', count: 2 } },
    ],
  },
  {
    resource: 'events.events.k8s.io',
    valid: {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'web.2', namespace: 'default' },
      regarding: { kind: 'Pod', namespace: 'default', name: 'web' },
      type: 'Normal',
      reason: timed.reason,
      action: timed.action,
      eventTime: timed.eventTime,
      reportingController: timed.reportingComponent,
      reportingInstance: timed.reportingInstance,
    },
    cases: [
      {
        name: 'refuses an event without a time',
        changes: { eventTime: undefined },
        errors: ['eventTime: Required value'],
      },
      {
        name: 'refuses what only old events have',
        changes: {
          deprecatedCount: 1,
          deprecatedFirstTimestamp: '2026-01-01T00:00:00Z',
          deprecatedSource: { component: 'a' },
        },
        errors: [
          'firstTimestamp: Invalid value: "": needs to be unset',
          'count: Invalid value: "": needs to be unset',
          'source: Invalid value: "": needs to be unset',
        ],
      },
      {
        name: 'refuses a type that it does not know',
        changes: { type: 'Strange' },
        errors: ['type: Invalid value: "": has invalid value: Strange'],
      },
      {
        name: 'refuses a series of one',
        changes: { series: { count: 1 } },
        errors: ['series.count: Invalid value: "": should be at least 2', 'series.lastObservedTime: Required value'],
      },
      {
        name: 'refuses a name in capitals',
        changes: { 'metadata.name': 'WEB' },
        errors: ['metadata.name: Invalid value: "WEB": a lowercase RFC 1123 subdomain must consist…'],
      },
      { name: 'accepts a series', update: { series: { count: 2, lastObservedTime: timed.eventTime } } },
      {
        name: 'refuses any other change',
        update: { reason: 'Other', note: 'again' },
        errors: [
          'reason: Invalid value: "Other": field is immutable',
          'message: Invalid value: "again": field is immutable',
        ],
      },
      {
        name: 'refuses another object, as upstream shows it',
        update: { 'regarding.apiVersion': 'v2', related: { kind: 'Node', name: 'n' } },
        errors: [
          'involvedObject: Invalid value: {"Kind":"Pod","Namespace":"default","Name":"web","UID":"","APIVersion":"v2","ResourceVersion":"","FieldPath":""}: field is immutable',
          'related: Invalid value: {"Kind":"Node","Namespace":"","Name":"n","UID":"","APIVersion":"","ResourceVersion":"","FieldPath":""}: field is immutable',
        ],
      },
      {
        name: 'refuses another time, type, deed and reporter, and what only old events have',
        update: {
          eventTime: '2026-02-02T00:00:00.000000Z',
          type: 'Warning',
          action: 'Undo',
          reportingController: 'k8s.io/other',
          reportingInstance: 'other',
          deprecatedCount: 3,
          deprecatedSource: { host: 'host' },
          deprecatedLastTimestamp: '2026-01-01T00:00:00Z',
        },
        errors: [
          'source: Invalid value: {"Component":"","Host":"host"}: field is immutable',
          'lastTimestamp: Invalid value: "2026-01-01T00:00:00Z": field is immutable',
          'count: Invalid value: 3: field is immutable',
          'type: Invalid value: "Warning": field is immutable',
          'eventTime: Invalid value: "2026-02-02T00:00:00.000000Z": field is immutable',
          'action: Invalid value: "Undo": field is immutable',
          'reportingController: Invalid value: "k8s.io/other": field is immutable',
          'reportingInstance: Invalid value: "other": field is immutable',
        ],
      },
      {
        name: 'refuses a reporter that is no name',
        changes: { reportingController: 'my-contr@ller' },
        errors: ['reportingController: Invalid value: "my-contr@ller": name part must consist of…'],
      },
      {
        name: 'refuses an event without a deed and a reason',
        changes: { action: undefined, reason: undefined },
        errors: ['action: Required value', 'reason: Required value'],
      },
      {
        name: 'refuses a series that is wrong in an update',
        update: { series: { count: 1, lastObservedTime: timed.eventTime } },
        errors: ['series.count: Invalid value: "": should be at least 2'],
      },
    ],
  },
]);
