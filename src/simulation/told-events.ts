/** Events of a simulated node's pods, as a kubelet would tell them; large clusters may want fewer (`node-template.ts`). */
import type { EventSink } from '../agent/pod/pod-host.ts';
import { EventRecorder, type EventRecorderOptions } from '../client/events.ts';
import { pods } from '../client/resources.ts';
import type { ToldEvents } from './node-template.ts';

export function toldEvents(told: ToldEvents, options: Omit<EventRecorderOptions, 'component'>): EventSink {
  const recorder = new EventRecorder({ ...options, component: 'kubelet' });
  return {
    record(pod, type, reason, message, fieldPath) {
      if (told === 'none' || (told === 'warnings' && type === 'Normal')) return;
      recorder.record(pods, pod, type, reason, message, fieldPath);
    },
    close: () => recorder.close(),
  };
}
