/** `naru node drain`. */

import type { Home } from '../../home.ts';
import { harmless } from '../../lib/harmless.ts';
import { type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { drainNode } from './drain.ts';
import { type DrainCommandOptions, drainOptions } from './drain-options.ts';

export async function drain(home: Home, name: string, options: ConnectionOptions & DrainCommandOptions): Promise<void> {
  const how = drainOptions(options);
  await withApi(home, options, async ({ client, clock }) => {
    console.log(`Draining node ${name}:`);
    await drainNode({ client, clock, say: (line) => console.log(harmless(line)) }, name, how);
    console.log(`Node ${name} is empty, and takes no new pods. When it is to work again: naru node uncordon ${name}`);
  });
}
