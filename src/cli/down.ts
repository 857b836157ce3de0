/**
 * `naru down`: ends the cluster's process, then everything it made on the machine, whatever state that is in. The API's objects and the
 * images stay in NARU_HOME for the next `naru up`, unless `--all`.
 */
import { existsSync } from 'node:fs';
import process from 'node:process';
import { Containerd } from '../agent/containerd/containerd.ts';
import { containerdPaths } from '../agent/containerd/paths.ts';
import { type Home, removeHome } from '../home.ts';
import { RealClock } from '../lib/clock.ts';
import { JsonLogger } from '../lib/log.ts';
import { tearDownNetwork } from '../network/teardown.ts';
import { stopRunning } from './background.ts';
import { removeService } from './machine/service.ts';
import { stopProcess } from './process-file.ts';
import { UserError } from './user-error.ts';

export async function down(home: Home, options: { all?: boolean }): Promise<void> {
  if (!existsSync(home.root)) {
    console.log(`There is no cluster in ${home.root}.`);
    return;
  }
  const clock = new RealClock({ keepsAlive: true });
  // Or systemd would start again what is ended here.
  if (await removeService(home)) console.log('It is no service of systemd any more.');
  // The agent first: what it does, it does for a server that is there.
  const stoppedAgent = await stopProcess(home.agentProcessFile, clock);
  if (stoppedAgent) console.log('Stopped the agent.');
  const stopped = await stopRunning(home, clock);
  if (stopped) console.log('Stopped the cluster.');
  else if (!stoppedAgent) console.log('No cluster was running.');
  if (existsSync(home.containerd)) await removeContainers(home, clock);
  if (options.all) {
    const left = removeHome(home);
    if (left.length === 0) console.log(`Removed ${home.root}.`);
    else console.log(`Removed naru's files from ${home.root}; these are not naru's, and stay: ${left.join(', ')}.`);
  } else {
    const isNode = existsSync(home.agentKubeconfig) && !existsSync(home.state);
    const kept = isNode ? 'This machine’s place in its cluster and its images' : 'Objects and images';
    const back = isNode ? 'naru join' : 'naru up';
    console.log(`${kept} are kept in ${home.root}; ${back} brings them back, naru down --all removes them.`);
  }
}

async function removeContainers(home: Home, clock: RealClock): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new UserError('containers can be removed only by root; run the command with sudo');
  const log = new JsonLogger({ clock, level: 'error', write: (line) => process.stderr.write(line) });
  const report = await new Containerd({ home: home.root, clock, log }).teardown();
  const { id } = containerdPaths(home.root);
  const network = existsSync(home.network)
    ? await tearDownNetwork({ id, folder: home.network, clock })
    : { removed: [], left: [] };
  const removed = Object.entries(report.removed).map(([kind, count]) => `${count} ${kind}`);
  if (network.removed.length > 0) removed.push(`${network.removed.length} of the network`);
  if (removed.length > 0) console.log(`Removed: ${removed.join(', ')}.`);
  const left = [...report.left, ...network.left];
  if (left.length > 0) {
    throw new UserError(`these are still there, and need a look: ${left.join('; ')}; then run naru down again`);
  }
}
