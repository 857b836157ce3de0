/**
 * Whether a workload is to be rolled for what changed in its ConfigMaps and Secrets. Pure.
 *
 * What was last seen of each stands on the workload itself, as digests, outside of the pod template: to begin with an object, or to stop, rolls
 * nothing, and a restart of naru forgets nothing. Only a change is written into the template, as one digest of all.
 *
 * ```
 *  not seen before ──▶ noted            (the workload was annotated, or its pods name one more: they are rolled by that)
 *  other content ────▶ roll
 *  gone, come back ──▶ roll where pods run without it; else noted: no new pod could start while it was away, and none should be made to
 * ```
 */
import type { ContentKey, Followed } from './wish.ts';

/** What was seen, by content; and the key that made the digests. */
export interface Seen {
  readonly keyId: string;
  readonly digests: Readonly<Record<ContentKey, string>>;
}

/** The digest of what is not there. */
export const absent = '-';

export type ReloadPlan =
  | { readonly kind: 'leave' }
  /** `seen` undefined: nothing is followed any more. */
  | { readonly kind: 'note'; readonly seen: Seen | undefined }
  | { readonly kind: 'roll'; readonly seen: Seen; readonly changed: readonly ContentKey[] };

export interface ReloadObserved {
  readonly followed: readonly Followed[];
  readonly seen: Seen | undefined;
  readonly keyId: string;
  /** `absent` where it is not there. */
  readonly digestOf: (key: ContentKey) => string;
}

export function decideReload({ followed, seen, keyId, digestOf }: ReloadObserved): ReloadPlan {
  if (followed.length === 0) return seen === undefined ? { kind: 'leave' } : { kind: 'note', seen: undefined };
  // Digests of another key say nothing: the key was lost, and with it what was seen.
  const before = seen?.keyId === keyId ? seen.digests : {};
  const digests: Record<ContentKey, string> = {};
  const changed: ContentKey[] = [];
  for (const { key, isOptional } of followed.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
    const old = before[key];
    const now = digestOf(key);
    const isAway = now === absent && old !== undefined && !isOptional;
    digests[key] = isAway ? old : now;
    if (old === undefined || old === now || isAway) continue;
    if (old !== absent || isOptional) changed.push(key);
  }
  const next = { keyId, digests };
  if (changed.length > 0) return { kind: 'roll', seen: next, changed };
  return seen?.keyId === keyId && isSame(before, digests) ? { kind: 'leave' } : { kind: 'note', seen: next };
}

function isSame(a: Seen['digests'], b: Seen['digests']): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

const keyField = 'key';

export const formatSeen = ({ keyId, digests }: Seen): string => JSON.stringify({ [keyField]: keyId, ...digests });

/** Undefined: nothing was seen, or somebody wrote there what means nothing. */
export function parseSeen(text: string | undefined): Seen | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { keyId: '', digests: {} };
    const entries = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
    const { [keyField]: keyId = '', ...digests } = Object.fromEntries(entries);
    return { keyId, digests };
  } catch {
    return { keyId: '', digests: {} };
  }
}
