/** A node's events, as they go to the API. */
import type { Pod } from '../api/schema/types/core-v1.ts';
import { EventRecorder } from '../client/events.ts';
import { nodes, pods as podResource } from '../client/resources.ts';
import type { AgentOptions } from './agent-options.ts';
import type { EventSink } from './pod/pod-host.ts';

export function recordedEvents({ client, clock, log, nodeName }: AgentOptions): EventSink {
  const recorder = new EventRecorder({ client, clock, log, component: 'kubelet', host: nodeName });
  return {
    record: (pod: Pod, type, reason, message, fieldPath, annotations) =>
      recorder.record(podResource, pod, type, reason, message, fieldPath, annotations),
    // By upstream's custom, a node's events name it as its uid, too.
    recordNode: (type, reason, message) =>
      recorder.record(nodes, { metadata: { name: nodeName, uid: nodeName } }, type, reason, message),
    close: () => recorder.close(),
  };
}
