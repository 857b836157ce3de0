/** Keeps the number of updaters in bounds: the oldest of one version are merged into one that nobody is. */
import { limits } from '../../lib/limits.ts';
import { type Managed, type Managers, managerKey, secondsOf } from './managed-fields.ts';
import { compareText } from './path-element.ts';

export function capManagers(managers: Managers): Managers {
  const updaters = [...managers].filter(([, { operation }]) => operation === 'Update');
  if (updaters.length <= limits.updateManagersMax) return managers;
  const capped = new Map(managers);
  const buckets = new Map<string, Bucket>();
  let count = updaters.length;
  for (const [key, updater] of updaters.sort(byAge)) {
    if (count <= limits.updateManagersMax) break;
    const bucket = buckets.get(updater.apiVersion);
    if (!bucket) {
      buckets.set(updater.apiVersion, { first: key });
      continue;
    }
    mergeInto(capped, bucket, key, updater);
    count--;
  }
  return capped;
}

const byAge = ([aKey, a]: [string, Managed], [bKey, b]: [string, Managed]): number =>
  secondsOf(a) - secondsOf(b) || compareText(aKey, bKey);

/** The first updater of a version moves into the bucket when the second comes. */
interface Bucket {
  readonly first: string;
}

function mergeInto(capped: Map<string, Managed>, { first }: Bucket, key: string, updater: Managed): void {
  const { apiVersion, time } = updater;
  const identity = { manager: 'ancient-changes', operation: 'Update', apiVersion, subresource: '' } as const;
  const bucketKey = managerKey(identity);
  let bucket = capped.get(bucketKey);
  if (!bucket) {
    bucket = capped.get(first);
    capped.delete(first);
  }
  const set = bucket ? updater.set.union(bucket.set) : updater.set;
  // Its time, which is the newer.
  capped.delete(key);
  capped.set(bucketKey, { ...identity, set, ...(time !== undefined && { time }) });
}
