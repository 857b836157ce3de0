/**
 * Section `draining` of the settings: how a pod that is deleted leaves load balancing.
 *
 * ```yaml
 * draining:
 *   settleMilliseconds: 1000   # from when the API says that the pod takes nothing new to the signal to its containers; 0: they are signalled at once
 * ```
 * It lies within the grace period, and takes a third of it at most.
 */
import type { Section } from '../configuration.ts';
import { fieldsOf, integer } from '../settings-fields.ts';

export interface DrainingSettings {
  readonly settleMilliseconds: number;
}

/** Ten times what the slowest of a hundred changes takes to come to every node's kernel and HAProxy. */
const defaults: DrainingSettings = { settleMilliseconds: 1000 };
const settleMsMax = 60_000;

const parse = fieldsOf<DrainingSettings>(defaults, { settleMilliseconds: integer(0, settleMsMax) });

export const drainingSection: Section<DrainingSettings> = { defaults, parse: (value) => parse(value, '') };
