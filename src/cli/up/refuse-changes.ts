/** What a running cluster cannot be told any more: it stays as it is, and the user learns how to change it. */
import path from 'node:path';
import process from 'node:process';
import { defaultServiceCidrs } from '../../registry/service-ranges.ts';
import type { RunningCluster } from '../background.ts';
import { changedKubeletOption } from '../kubelet-settings.ts';
import type { Settings, SettingsOptions } from '../settings.ts';
import { UserError } from '../user-error.ts';

/** A running cluster keeps the port and nodes it has; asking for others must not look as if it worked. */
export function refuseChanges(running: RunningCluster, options: SettingsOptions, settings: Settings): void {
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
