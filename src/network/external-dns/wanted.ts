/** What the objects of the cluster ask for, brought together: one wish for each name. Pure. */
import { createdMs } from '../../controllers/shared/context.ts';
import { canonicalIp } from '../../controllers/shared/ip.ts';
import { type Asker, askerText, ttlOf, type Wish } from './annotations.ts';
import type { WantedName } from './plan.ts';
import { isWritableName, targetSets } from './records.ts';
import { isForZone, type ZoneSettings } from './settings.ts';

/** What is told to who asked. */
export interface Problem {
  readonly asker: Asker;
  readonly message: string;
}

export interface WantedNames {
  readonly names: readonly (WantedName & { readonly asker: Asker })[];
  readonly problems: readonly Problem[];
}

/** Names of a zone. Who asked first has a name, of those who know where it leads; the others are told, unless they want the same. */
export function namesOfZone(all: readonly Wish[], settings: ZoneSettings, zones: readonly ZoneSettings[]): WantedNames {
  const byName = Map.groupBy(
    all.filter(({ name }) => isWritableName(name) && isForZone(name, settings, zones)),
    ({ name }) => name,
  );
  const problems: Problem[] = [];
  const names = [...byName].map(([name, wishes]) => {
    const sorted = wishes.toSorted(byPrecedence);
    const { asker } = sorted[0] as Wish;
    const resource = askerText(asker);
    const targets = sorted.filter((wish) => askerText(wish.asker) === resource).flatMap((wish) => wish.targets);
    const ttl = ttlOf(asker.object);
    const seconds = typeof ttl === 'number' ? ttl : settings.ttlSeconds;
    const sets = targetSets(name, seconds, targets);
    for (const other of sorted) {
      if (other.targets.length > 0 && askerText(other.asker) !== resource && !isSameTargets(other.targets, targets))
        problems.push({ asker: other.asker, message: `${name} leads where ${resource} wants it to: it asked first` });
    }
    return { name, resource, sets: sets.filter(({ values }) => values.every(isWritableValue)), asker };
  });
  return { names: names.toSorted((left, right) => (left.name < right.name ? -1 : 1)), problems };
}

/** What is wrong with wishes wherever they lead. */
export function faultsOf(all: readonly Wish[]): readonly Problem[] {
  const faults: Problem[] = [];
  for (const { name, targets, asker } of all) {
    if (!isWritableName(name)) faults.push({ asker, message: `${JSON.stringify(name)} is no name for the DNS` });
    if (ttlOf(asker.object) === 'bad')
      faults.push({ asker, message: 'the ttl takes seconds or a time such as 1h30m: the default of the zone is used' });
    const [bad] = targetSets(name, 1, targets).flatMap(({ values }) =>
      values.filter((value) => !isWritableValue(value)),
    );
    if (bad !== undefined)
      faults.push({
        asker,
        message: `${JSON.stringify(bad)} is neither an address nor a name: ${name} cannot lead there`,
      });
  }
  return [...new Map(faults.map((fault) => [`${askerText(fault.asker)} ${fault.message}`, fault])).values()];
}

const isWritableValue = (value: string): boolean =>
  canonicalIp(value) !== undefined || (isWritableName(value) && !/^[\d.]+$/.test(value));

function isSameTargets(left: readonly string[], right: readonly string[]): boolean {
  const text = (targets: readonly string[]): string => [...new Set(targets)].sort().join();
  return text(left) === text(right);
}

/** Those who know where it leads first, the older before the younger, then by name. */
function byPrecedence(left: Wish, right: Wish): number {
  const knows = Number(right.targets.length > 0) - Number(left.targets.length > 0);
  const [one, other] = [askerText(left.asker), askerText(right.asker)];
  return (
    knows || createdMs(left.asker.object) - createdMs(right.asker.object) || (one < other ? -1 : one > other ? 1 : 0)
  );
}
