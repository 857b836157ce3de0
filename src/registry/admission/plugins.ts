/**
 * Which admission plugins there are, in upstream's order: the namespace first, since nothing else matters in one that is going; quotas
 * last, since nothing may be counted that somebody else refuses.
 *
 * To add one: a file beside this one, or a folder, that exports a plugin, and its line here.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Store } from '../../store/store.ts';
import type { Authorizer } from '../request.ts';
import type { AdmissionPlugin } from './admission.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { podPriority } from './pod-priority.ts';
import { podRuntimeClass } from './pod-runtime-class.ts';
import { podServiceAccount } from './pod-service-account.ts';
import { podTolerations } from './pod-tolerations.ts';
import { podTopology } from './pod-topology.ts';

/** What plugins may need beside the request. */
export interface AdmissionDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** For those who ask whether the user may do something more. Absent: everybody may. */
  readonly authorizer?: Authorizer | undefined;
}

export function admissionPlugins(_dependencies: AdmissionDependencies): readonly AdmissionPlugin[] {
  return [
    { name: 'NamespaceLifecycle', mutate: namespaceLifecycle, validate: namespaceLifecycle },
    { name: 'ServiceAccount', mutate: podServiceAccount },
    { name: 'Priority', mutate: podPriority },
    { name: 'DefaultTolerationSeconds', mutate: podTolerations },
    { name: 'RuntimeClass', mutate: podRuntimeClass },
    { name: 'PodTopologyLabels', mutate: podTopology },
  ];
}
