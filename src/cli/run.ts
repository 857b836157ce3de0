/**
 * `naru run` and `naru server`: a cluster in the foreground, until SIGTERM or SIGINT. What `naru up` starts in the background is this.
 */
import { existsSync } from 'node:fs';
import process from 'node:process';
import { type ClusterNodes, startCluster } from '../cluster.ts';
import type { Home } from '../home.ts';
import { RealClock } from '../lib/clock.ts';
import { JsonLogger, type Logger } from '../lib/log.ts';
import { unseededPrng } from '../lib/prng.ts';
import { findRunning, forgetRunning, isInBackground, recordRunning, report } from './background.ts';
import { nodeConfiguration } from './kubelet-settings.ts';
import { launcherFile } from './launcher.ts';
import { toFile, toStandardError } from './log-output.ts';
import { refuseSecondAgent } from './running-agent.ts';
import { type Settings, type SettingsOptions, updateSettings } from './settings.ts';
import { templateOf } from './simulated-nodes.ts';
import { describeError, UserError } from './user-error.ts';

export interface RunOptions extends SettingsOptions {
  /** `none`: the server alone. */
  readonly nodes?: 'none';
}

export async function run(home: Home, options: RunOptions): Promise<void> {
  const clock = new RealClock();
  const log = new JsonLogger({ clock, write: isInBackground() ? toFile(home.log) : toStandardError });
  try {
    const running = findRunning(home);
    if (running !== undefined)
      throw new UserError(`the cluster in ${home.root} already runs, as process ${running.pid}`);
    if (options.nodes !== 'none') refuseSecondAgent(home);
    refuseHalfRestored(home);
    const settings = await updateSettings(home, options);
    const starting = startCluster({
      home,
      port: settings.port,
      host: settings.host,
      names: settings.tlsSans,
      ...(settings.audit && { audit: settings.audit }),
      ...(settings.guardFiles && { guardFiles: settings.guardFiles }),
      tls: settings.tls,
      tokenSettings: settings.tokenSettings,
      schedulerConfig: settings.schedulerConfig,
      serviceCidrs: settings.serviceCidrs,
      clusterCidrs: settings.clusterCidrs,
      nodes: options.nodes === 'none' ? { kind: 'none', name: settings.nodeName } : await nodesOf(settings, log),
      clock,
      prng: unseededPrng(),
      log,
    });
    endOnSignals(async () => {
      await (await starting).close();
      forgetRunning(home);
    });
    const cluster = await starting;
    const isServerOnly = options.nodes === 'none';
    recordRunning(home, {
      server: cluster.server,
      simulatedNodes: settings.simulatedNodes,
      isServerOnly,
      launcher: launcherFile,
    });
    const ready = findRunning(home);
    if (ready !== undefined) report({ ready });
  } catch (error) {
    log.error('the cluster did not start', { error });
    report({ error: describeError(error, false) });
    process.exit(1);
  }
}

function refuseHalfRestored({ restoring }: Home): void {
  if (!existsSync(restoring)) return;
  throw new UserError(
    `a restore was cut short, or is under way; run naru restore again, or remove ${restoring} to start with what is here`,
  );
}

async function nodesOf(settings: Settings, log: Logger): Promise<ClusterNodes> {
  const configuration = await nodeConfiguration(settings.kubelet ?? {}, log);
  return settings.simulatedNodes > 0
    ? { kind: 'simulated', count: settings.simulatedNodes, template: await templateOf(settings.simulatedNodeTemplate) }
    : {
        kind: 'containers',
        name: settings.nodeName,
        podCidr: settings.podCidr,
        address: settings.kubelet?.nodeIp,
        configuration,
      };
}

/** The first signal ends in order, what is still starting when it has started; a second one at once. */
export function endOnSignals(end: () => Promise<void>): void {
  let ending = false;
  const onSignal = (): void => {
    if (ending) process.exit(130);
    ending = true;
    end().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`naru: ${describeError(error, false)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
