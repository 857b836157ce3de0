/**
 * What the scheduler tells people about pods: events of events.k8s.io, as upstream's, in the name of the scheduler that the pod asked for.
 * Upstream's tools look for these reasons, actions and texts.
 */
import type { KubeObject } from '../api/object.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import type { Resource } from '../client/client.ts';
import { EventSeriesRecorder } from '../client/event-series.ts';
import { type EventRecorderOptions, referenceTo } from '../client/events.ts';
import { pods } from '../client/resources.ts';
import { defaultSchedulerName } from './config/configuration.ts';

type Action = 'Binding' | 'Scheduling';

/** On whose behalf somebody was told to go. */
interface Preemptor {
  readonly resource: Resource<KubeObject>;
  readonly object: KubeObject;
  readonly schedulerName: string | undefined;
}

export class PodEvents {
  readonly #recorder: EventSeriesRecorder;

  constructor(options: Omit<EventRecorderOptions, 'component'>) {
    this.#recorder = new EventSeriesRecorder({ ...options, component: defaultSchedulerName });
  }

  scheduled(pod: Pod, node: string): void {
    const { namespace = '', name = '' } = pod.metadata ?? {};
    this.#tell(pod, 'Normal', 'Scheduled', 'Binding', `Successfully assigned ${namespace}/${name} to ${node}`);
  }

  failed(pod: Pod, message: string): void {
    this.#tell(pod, 'Warning', 'FailedScheduling', 'Scheduling', message);
  }

  waitsForDevices(pod: Pod, node: string): void {
    const message = `waiting for binding conditions for device on node ${node}`;
    this.#tell(pod, 'Normal', 'BindingConditionsPending', 'Scheduling', message);
  }

  preempted(victim: Pod, message: string, { resource, object, schedulerName }: Preemptor): void {
    const more = { action: 'Preempting', related: referenceTo(resource, object), reporter: reporterOf(schedulerName) };
    this.#recorder.record(pods, victim, 'Normal', 'Preempted', message, more);
  }

  /** Resolves when all that was told is written or lost. */
  close(): Promise<void> {
    return this.#recorder.close();
  }

  #tell(pod: Pod, type: 'Normal' | 'Warning', reason: string, action: Action, message: string): void {
    this.#recorder.record(pods, pod, type, reason, message, { action, reporter: reporterOf(pod.spec?.schedulerName) });
  }
}

const reporterOf = (schedulerName: string | undefined): string => schedulerName ?? defaultSchedulerName;
