/**
 * `naru up`: from whatever state the machine is in to a cluster that answers. Idempotent: where the cluster runs already, it says
 * so. What is kept running by an earlier one (containers) is taken over, not restarted.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { type Home, makeHome } from '../home.ts';
import { RealClock } from '../lib/clock.ts';
import { defaultServiceCidrs } from '../registry/service-ranges.ts';
import { authorityEnd } from '../server/certificates/authority-end.ts';
import { findRunning, type RunningCluster, startInBackground } from './background.ts';
import { changedKubeletOption } from './kubelet-settings.ts';
import { readSettings, type Settings, type SettingsOptions, updateSettings } from './settings.ts';
import { installSystemPackages } from './system-packages.ts';
import { UserError } from './user-error.ts';

export interface UpOptions extends SettingsOptions {
  readonly wait?: boolean;
}

export async function up(home: Home, options: UpOptions): Promise<void> {
  const clock = new RealClock({ keepsAlive: true });
  const startMs = clock.monotonic();
  const running = findRunning(home);
  if (running !== undefined) {
    refuseChanges(running, options, readSettings(home));
    console.log(`The cluster in ${home.root} is already running at ${running.server}.`);
    sayNext(home);
    return;
  }
  prepareHome(home);
  const settings = await updateSettings(home, options);
  if (settings.simulatedNodes === 0) {
    refuseWithoutContainers();
    await installSystemPackages((line) => console.log(line));
  }
  const started = await startInBackground(home, ['run']);
  const seconds = ((clock.monotonic() - startMs) / 1000).toFixed(1);
  console.log(`The cluster answers at ${started.server} after ${seconds} s.`);
  if (settings.simulatedNodes > 0) {
    console.log(
      `Its ${settings.simulatedNodes} nodes are simulated: pods get states and addresses, but no program runs.`,
    );
  }
  const warning = authorityEnd(readFileSync(path.join(home.certificates, 'ca.crt'), 'utf8'), clock.now());
  if (warning !== undefined) console.log(`Warning: ${warning}.`);
  if (options.wait) {
    // Loaded only here: the client is most of what this command would load.
    const { waitForNodes } = await import('./nodes.ts');
    await waitForNodes(home, clock, Math.max(1, settings.simulatedNodes));
  }
  sayNext(home);
}

function prepareHome(home: Home): void {
  try {
    makeHome(home);
  } catch (error) {
    throw new UserError(
      `the state folder ${home.root} cannot be made (${(error as NodeJS.ErrnoException).code}); name another with NARU_HOME=FOLDER`,
    );
  }
}

/** A running cluster keeps the port and nodes it has; asking for others must not look as if it worked. */
function refuseChanges(running: RunningCluster, options: UpOptions, settings: Settings): void {
  const port = Number(new URL(running.server).port);
  if (options.port !== undefined && options.port !== 0 && options.port !== port) {
    throw new UserError(
      `the cluster already runs, on port ${port}; to move it: naru down, then naru up --port ${options.port}`,
    );
  }
  if (options.simulatedNodes !== undefined && options.simulatedNodes !== running.simulatedNodes) {
    const now = running.simulatedNodes === 0 ? 'with containers' : `with ${running.simulatedNodes} simulated nodes`;
    throw new UserError(`the cluster already runs, ${now}; to change that: naru down, then naru up again`);
  }
  for (const [option, has] of [
    ['serviceCidr', settings.serviceCidrs ?? defaultServiceCidrs],
    ['clusterCidr', settings.clusterCidrs],
  ] as const) {
    const asked = options[option]?.replaceAll(' ', '');
    if (asked === undefined || asked === has.join()) continue;
    throw new UserError(
      `the cluster already runs, with other addresses; to add those of another family: naru down, then naru up again`,
    );
  }
  const changed = changedKubeletOption(settings.kubelet ?? {}, options, process.cwd());
  if (changed !== undefined) {
    throw new UserError(
      `the cluster already runs, with another ${changed}; to change it: naru down, then naru up again`,
    );
  }
  const template = options.simulatedNodeTemplate;
  const file = template && path.resolve(template);
  if (file !== undefined && file !== (settings.simulatedNodeTemplate ?? '')) {
    throw new UserError(
      'the cluster already runs, with other simulated nodes; to change them: naru down, then naru up again',
    );
  }
}

function refuseWithoutContainers(): void {
  const wayOut = 'or try it without containers: naru up --simulated-nodes 3';
  if (process.platform !== 'linux') {
    throw new UserError(`containers need Linux, and this is ${process.platform}; run naru there, ${wayOut}`);
  }
  if (process.getuid?.() !== 0) throw new UserError(`containers need root; run the command with sudo, ${wayOut}`);
}

function sayNext(home: Home): void {
  console.log(`
Next:
  export KUBECONFIG=${home.kubeconfig}
  kubectl get nodes
  kubectl create deployment web --image=IMAGE --replicas=3
Without a registry at hand: naru image import FILE, naru image pack PROGRAM --name NAME.
To stop it: naru down.`);
}
