/** Events: stored in the core group's shape, shown in that of events.k8s.io too (see `conversion.ts`), and checked there more strictly. */
import { isPathSegmentName } from '../../api/names.ts';
import type { Event } from '../../api/schema/types/core-v1.ts';
import type { Strategy } from '../strategy.ts';
import { validateEvent, validateStrictEvent, validateStrictEventUpdate } from '../validation/events.ts';

const references = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const;
const referenceFields: Readonly<Record<string, (event: Event) => string>> = Object.fromEntries(
  references.map((name) => [`involvedObject.${name}`, ({ involvedObject }: Event) => involvedObject?.[name] ?? '']),
);

const common: Strategy<Event> = {
  allowCreateOnUpdate: true,
  dependents: 'never looked for',
  fields: {
    ...referenceFields,
    reason: ({ reason }) => reason ?? '',
    type: ({ type }) => type ?? '',
    source: ({ source, reportingComponent }) => source?.component || reportingComponent || '',
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
  },
};

/** Of the core group, where a name is anything that can stand in a URL. */
export const eventStrategy: Strategy<Event> = { ...common, nameErrors: isPathSegmentName, validate: validateEvent };

/** Of events.k8s.io. */
export const strictEventStrategy: Strategy<Event> = {
  ...common,
  validate: validateStrictEvent,
  validateUpdate: validateStrictEventUpdate,
};
