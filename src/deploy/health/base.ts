/** What all rules of health share: the verdicts, and how they are worded. */
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';

export interface Health {
  /** `progressing`: it may become healthy by itself. `failing`: it will not without somebody. */
  readonly state: 'healthy' | 'progressing' | 'failing';
  /** In words, for people: `2 of 3 pods are ready`. */
  readonly message: string;
}

/** Objects beside the one that is judged; what is not given is not judged. */
export interface Related {
  /** Of a Service: its slices. */
  readonly endpointSlices?: readonly EndpointSlice[];
}

/** By `Kind.group`; the core group is empty. */
export type HealthRules = Readonly<Record<string, (object: never, related: Related) => Health>>;

export const healthy = (message: string): Health => ({ state: 'healthy', message });
export const progressing = (message: string): Health => ({ state: 'progressing', message });
export const failing = (message: string): Health => ({ state: 'failing', message });

/** The controller has not seen the last change yet. One that does not count generations says nothing by that. */
export const isBehind = (generation: number | undefined, observed: number | undefined): boolean =>
  observed !== undefined && generation !== undefined && observed < generation;

/** Its controller will look in a moment. */
export const unseenMessage = 'its last change was not seen yet';

/** What a condition says, in the words of whoever set it. */
export function conditionText(condition: { readonly reason?: string; readonly message?: string }): string {
  return condition.message || condition.reason || 'no reason given';
}

/** `3 pods`, `1 pod` */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
