/** `naru node cordon|uncordon`: whether new pods may start on a node. */
import type { Home } from '../../home.ts';
import { type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { setUnschedulable } from './drain.ts';

export async function cordon(
  home: Home,
  names: readonly string[],
  wanted: boolean,
  options: ConnectionOptions,
): Promise<void> {
  await withApi(home, options, async ({ client }) => {
    for (const name of names) {
      const changed = await setUnschedulable(client, name, wanted);
      const state = wanted ? 'takes no new pods' : 'takes new pods';
      console.log(`Node ${name} ${state}${changed ? ' from now on' : ' already'}.`);
    }
  });
}
