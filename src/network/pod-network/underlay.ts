/** The machine's way out, read before anybody asks the API: for pods that start before the pod network knows better. */
import { readFile } from 'node:fs/promises';
import { podMtu } from './routes.ts';

/** The largest packet of pods that may be far from each other; undefined: the machine has no way out, and nothing to fit. */
export async function firstPodMtu(root = ''): Promise<number | undefined> {
  const table = await readFile(`${root}/proc/net/route`, 'utf8').catch(() => '');
  const device = defaultDevice(table);
  if (device === undefined) return undefined;
  const mtu = Number(await readFile(`${root}/sys/class/net/${device}/mtu`, 'utf8').catch(() => ''));
  return mtu > 0 ? podMtu('auto', mtu, '0.0.0.0') : undefined;
}

/** Of the default route with the lowest metric: columns as /proc/net/route has them (interface, destination, gateway, flags, …, metric, mask). */
export function defaultDevice(table: string): string | undefined {
  const rows = table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  const defaults = rows.filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000');
  return defaults.toSorted((a, b) => Number(a[6]) - Number(b[6]))[0]?.[0];
}
