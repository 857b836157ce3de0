/**
 * `naru node remove`: takes a machine out of the cluster. In this order, so that a command that was broken off can be given again:
 *
 * ```
 * drained (unless it is lost) → its certificates refused → its Node deleted
 * ```
 * The certificates before the Node, or its agent would make the Node anew.
 */

import type { Node } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { configMaps, nodes } from '../../client/resources.ts';
import type { Home } from '../../home.ts';
import { formatTime } from '../../lib/clock.ts';
import { harmless } from '../../lib/harmless.ts';
import { removedNodesPlace } from '../../registry/node-identity.ts';
import { findRunning } from '../background.ts';
import { type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { nodeHealth } from '../nodes.ts';
import { readSettings } from '../settings.ts';
import { UserError } from '../user-error.ts';
import { drainNode, setUnschedulable } from './drain.ts';
import { type DrainCommandOptions, drainOptions } from './drain-options.ts';

export interface RemoveOptions extends ConnectionOptions, DrainCommandOptions {
  /** False with `--no-drain`. */
  readonly drain: boolean;
}

export async function remove(home: Home, name: string, options: RemoveOptions): Promise<void> {
  const how = drainOptions(options);
  await withApi(home, options, async ({ client, clock, config }) => {
    const node = await findNode(client, name);
    refuseOwn(home, node, config.server);
    const { ready } = nodeHealth(node);
    if (options.drain && ready) {
      console.log(`Draining node ${name}:`);
      await drainNode({ client, clock, say: (line) => console.log(harmless(line)) }, name, how);
    } else {
      await setUnschedulable(client, name, true);
      if (!ready) console.log(`Node ${name} is not Ready: its pods are not waited for.`);
    }
    await refuseCertificates(client, name, formatTime(clock.now()));
    await client.delete(nodes, { namespace: '', name }).catch((error: unknown) => {
      if (!hasReason(error, 'NotFound')) throw error;
    });
    console.log(`Node ${name} is out of the cluster, and its certificates are refused.
On that machine, naru down --all removes what is left of it there; to take it in again, let it join with a new token.`);
  });
}

async function findNode(client: Client, name: string): Promise<Node> {
  try {
    return await client.get(nodes, { namespace: '', name });
  } catch (error) {
    throw hasReason(error, 'NotFound') ? new UserError(`there is no node ${name}; see naru node list`) : error;
  }
}

/** The server's own node comes back with the server. */
function refuseOwn(home: Home, { metadata }: Node, server: string): void {
  const running = findRunning(home);
  if (running?.server !== server || running.isServerOnly || readSettings(home).nodeName !== metadata?.name) return;
  throw new UserError(
    `node ${metadata.name} is the machine of the server itself; it goes with the cluster (naru down --all). To keep pods off it: naru node drain ${metadata.name}`,
  );
}

/** Those that were made until now. */
async function refuseCertificates(client: Client, name: string, time: string): Promise<void> {
  const body = { data: { [name]: time } };
  try {
    await client.patch(configMaps, removedNodesPlace, { type: 'merge', body });
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
    await client.create(configMaps, { metadata: { ...removedNodesPlace }, ...body });
  }
}
