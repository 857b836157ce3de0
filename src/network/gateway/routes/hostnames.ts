/** Hostnames of listeners and routes, where they meet. A wildcard stands for one label and more; lower case throughout. */

/** Every name, in a plan. */
export const anyHost = '*';

/** Is every name that `host` stands for also one of `pattern`? */
export function covers(pattern: string, host: string): boolean {
  if (pattern === anyHost || pattern === host) return true;
  return pattern.startsWith('*.') && host.endsWith(pattern.slice(1));
}

/** The names of both, or undefined where there are none. */
export function intersection(a: string, b: string): string | undefined {
  if (covers(a, b)) return b;
  return covers(b, a) ? a : undefined;
}

/** The hosts under which a route is served by a listener; none where their names do not meet. */
export function servedHosts(listener: string, route: readonly string[] = []): string[] {
  if (route.length === 0) return [listener];
  const met = route.map((host) => intersection(listener, host.toLowerCase())).filter((host) => host !== undefined);
  return [...new Set(met)];
}
