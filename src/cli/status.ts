/** `naru status`: whether the cluster runs, where, and how its nodes and its network are. */
import type { Home } from '../home.ts';
import { RealClock } from '../lib/clock.ts';
import { readPartStates } from '../network/part-states.ts';
import { findRunning } from './background.ts';
import { networkLines } from './network-status.ts';
import { fetchNodes, nodeHealth } from './nodes.ts';
import { UserError } from './user-error.ts';

export async function status(home: Home): Promise<void> {
  const running = findRunning(home);
  if (running === undefined) throw new UserError(`no cluster runs from ${home.root}; start it with: naru up`);
  console.log(`The cluster in ${home.root} runs at ${running.server} (process ${running.pid}).`);
  const nodes = await fetchNodes(home, new RealClock({ keepsAlive: true }));
  for (const node of nodes.map(nodeHealth)) {
    console.log(`  node ${node.name}: ${node.ready ? 'Ready' : `not Ready, ${node.message}`}`);
  }
  for (const line of networkLines(await readPartStates(home.network), nodes)) console.log(`  ${line}`);
}
