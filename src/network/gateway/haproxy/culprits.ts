/**
 * Which objects a refused configuration is to be blamed on: by asking again without some of them, half of them at a time. Nothing that this project knows of
 * leads here: what HAProxy would refuse is left out when it is rendered. It is the last gate.
 */
import type { Plan, Source, Target } from '../plan.ts';

export function sourceKey({ kind, namespace, name }: Source): string {
  return `${kind}/${namespace}/${name}`;
}

/** All objects that something in the plan comes from. */
export function sourcesOf(plan: Plan): Map<string, Source> {
  const sources = new Map<string, Source>();
  const add = (source: Source): void => void sources.set(sourceKey(source), source);
  for (const { hosts, passThrough, terminated, certificates } of plan.entries) {
    for (const { routes } of hosts) for (const { source } of routes) add(source);
    for (const { source } of [...passThrough, ...terminated]) add(source);
    for (const { id } of certificates) add(secretOf(id));
  }
  for (const { source } of plan.backends.values()) add(source);
  return sources;
}

function secretOf(id: string): Source {
  const [namespace = '', name = ''] = id.split('/');
  return { kind: 'Secret', namespace, name };
}

/** The plan with what comes from these objects alone. */
export function planOf(plan: Plan, keys: ReadonlySet<string>): Plan {
  const isIn = (source: Source): boolean => keys.has(sourceKey(source));
  const backends = new Map([...plan.backends].filter(([, { source }]) => isIn(source)));
  const reachable = (target: Target): boolean => backends.has(target.backend) || target.unresolvedStatus !== undefined;
  const entries = plan.entries.map((entry) => ({
    ...entry,
    hosts: entry.hosts.map((host) => ({ ...host, routes: host.routes.filter(({ source }) => isIn(source)) })),
    passThrough: entry.passThrough.filter(({ source }) => isIn(source)),
    terminated: entry.terminated.filter(({ source }) => isIn(source)),
    targets: entry.targets.filter(reachable),
    certificates: entry.certificates.filter(({ id }) => isIn(secretOf(id))),
  }));
  return { entries, backends };
}

/** At most so many questions; what is suspicious then counts as guilty. */
const questionsMax = 60;

/**
 * The smallest groups of objects that are refused by themselves.
 * @param problemOf the words with which HAProxy refuses the plan of these objects; undefined where it takes it
 */
export async function findCulprits(
  keys: readonly string[],
  problemOf: (keys: ReadonlySet<string>) => Promise<string | undefined>,
): Promise<Map<string, string>> {
  const guilty = new Map<string, string>();
  let questions = 0;
  const search = async (group: readonly string[], problem: string): Promise<void> => {
    if (group.length === 1 || questions >= questionsMax) {
      for (const key of group) guilty.set(key, problem);
      return;
    }
    const middle = Math.ceil(group.length / 2);
    const halves = [group.slice(0, middle), group.slice(middle)];
    let found = false;
    for (const half of halves) {
      questions++;
      const own = await problemOf(new Set(half));
      if (own === undefined) continue;
      found = true;
      await search(half, own);
    }
    // Refused only together: the second half goes, and the first serves.
    if (!found) for (const key of halves[1] ?? []) guilty.set(key, problem);
  };
  const problem = await problemOf(new Set(keys));
  if (problem !== undefined) await search(keys, problem);
  return guilty;
}
