/** For tests of pods' lives: how simulated containers behave, by name, and events as lines. */
import type { ObjectMeta } from '../api/schema/types/meta-v1.ts';
import { behaviourAnnotation, type ContainerBehaviour } from '../simulation/container-behaviour.ts';
import type { EventSink } from './pod/pod-host.ts';

export type NamedBehaviours = Readonly<Record<string, Partial<ContainerBehaviour>>>;

export function behaves(behaviours: NamedBehaviours): Partial<ObjectMeta> {
  const entries = Object.entries(behaviours).map(([name, behaviour]) => {
    return [`${behaviourAnnotation}.${name}`, JSON.stringify(behaviour)];
  });
  return { annotations: Object.fromEntries(entries) };
}

/** Lines like `Normal Killing Stopping container app`. */
export function recordedEvents(): { readonly sink: EventSink; readonly told: readonly string[] } {
  const told: string[] = [];
  return { told, sink: { record: (_, type, reason, message) => void told.push(`${type} ${reason} ${message}`) } };
}
