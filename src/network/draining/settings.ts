/**
 * Section `draining` of the settings: how a pod that is deleted leaves load balancing.
 *
 * ```yaml
 * draining:
 *   settleMilliseconds: 2000   # from when the API says that the pod takes nothing new to the signal to its containers; 0: they are signalled at once
 * ```
 * It lies within the grace period, and takes a third of it at most.
 */
import type { Section } from '../configuration.ts';
import { fieldsOf, integer } from '../settings-fields.ts';

export interface DrainingSettings {
  readonly settleMilliseconds: number;
}

/** A change is in every node's kernel and HAProxy within some 100 ms; on machines that are ten times overloaded it took more than a second. */
const defaults: DrainingSettings = { settleMilliseconds: 2000 };
const settleMsMax = 60_000;

const parse = fieldsOf<DrainingSettings>(defaults, { settleMilliseconds: integer(0, settleMsMax) });

export const drainingSection: Section<DrainingSettings> = { defaults, parse: (value) => parse(value, '') };
