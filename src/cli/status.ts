/** `naru status`: whether the cluster runs, where, and how its nodes are. */
import type { Home } from '../home.ts';
import { RealClock } from '../lib/clock.ts';
import { findRunning } from './background.ts';
import { listNodes } from './nodes.ts';
import { UserError } from './user-error.ts';

export async function status(home: Home): Promise<void> {
  const running = findRunning(home);
  if (running === undefined) throw new UserError(`no cluster runs from ${home.root}; start it with: naru up`);
  console.log(`The cluster in ${home.root} runs at ${running.server} (process ${running.pid}).`);
  for (const node of await listNodes(home, new RealClock({ keepsAlive: true }))) {
    console.log(`  node ${node.name}: ${node.ready ? 'Ready' : `not Ready, ${node.message}`}`);
  }
}
