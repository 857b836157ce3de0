/** Defaults of flow control, and of APIServices. */
import type { APIService } from '../../api/schema/types/apiregistration-v1.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../../api/schema/types/flowcontrol-v1.ts';
import { type Draft, setDefault } from '../draft.ts';

export function setFlowSchemaDefaults({ spec }: Draft<FlowSchema>): void {
  if (spec && !spec.matchingPrecedence) spec.matchingPrecedence = 1000;
}

export function setPriorityLevelDefaults({ spec }: Draft<PriorityLevelConfiguration>): void {
  const { limited, exempt } = spec ?? {};
  if (exempt) {
    setDefault(exempt, 'nominalConcurrencyShares', 0);
    setDefault(exempt, 'lendablePercent', 0);
  }
  if (limited === undefined) return;
  setDefault(limited, 'nominalConcurrencyShares', 30);
  setDefault(limited, 'lendablePercent', 0);
  const queuing = limited.limitResponse?.queuing;
  if (queuing === undefined) return;
  queuing.queues ||= 64;
  queuing.handSize ||= 8;
  queuing.queueLengthLimit ||= 50;
}

export function setApiServiceDefaults({ spec }: Draft<APIService>): void {
  if (spec?.service) setDefault(spec.service, 'port', 443);
}
