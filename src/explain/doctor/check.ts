/** What `naru doctor` says of one thing. Plain data. */
import type { Remedy } from '../finding.ts';

/** `hint`: no fault, and yet good to know. */
export type CheckState = 'ok' | 'hint' | 'warning' | 'problem';

export interface Check {
  readonly area: 'machine' | 'cluster';
  /** What was looked at: `disk`, `clock`, `certificates`. */
  readonly name: string;
  readonly state: CheckState;
  /** One sentence. */
  readonly says: string;
  readonly details: readonly string[];
  readonly fix: readonly Remedy[];
}

type Rest = { readonly details?: readonly string[]; readonly fix?: readonly (Remedy | undefined)[] };

/** Makes the checks of one area. */
export const checker =
  (area: Check['area']) =>
  (name: string, state: CheckState, says: string, { details = [], fix = [] }: Rest = {}): Check => ({
    area,
    name,
    state,
    says,
    details,
    fix: fix.filter((remedy) => remedy !== undefined),
  });
