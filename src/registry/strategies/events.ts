/** Events: stored in the core group's shape, shown in that of events.k8s.io too (see `conversion.ts`). */

import { invalidValue } from '../../api/field-error.ts';
import type { Event } from '../../api/schema/types/core-v1.ts';
import type { Strategy } from '../strategy.ts';

const references = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const;
const referenceFields: Readonly<Record<string, (event: Event) => string>> = Object.fromEntries(
  references.map((name) => [`involvedObject.${name}`, ({ involvedObject }: Event) => involvedObject?.[name] ?? '']),
);

export const eventStrategy: Strategy<Event> = {
  allowCreateOnUpdate: true,
  dependents: 'never looked for',
  validate(event) {
    const about = event.involvedObject?.namespace ?? '';
    const own = event.metadata?.namespace ?? '';
    const fits = about === own || (about === '' && own === 'default');
    return fits ? [] : [invalidValue('involvedObject.namespace', about, 'does not match event.namespace')];
  },
  fields: {
    ...referenceFields,
    reason: ({ reason }) => reason ?? '',
    type: ({ type }) => type ?? '',
    source: ({ source, reportingComponent }) => source?.component || reportingComponent || '',
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
  },
};
