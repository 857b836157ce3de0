/** What a running cluster cannot be told any more: it stays as it is, and the user learns how to change it. */
import path from 'node:path';
import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import { defaultServiceCidrs } from '../../registry/service-ranges.ts';
import { auditSettings } from '../audit.ts';
import type { RunningCluster } from '../background.ts';
import { guardFiles } from '../guard-files.ts';
import { changedKubeletOption } from '../kubelet-settings.ts';
import { schedulerConfig } from '../scheduler-settings.ts';
import type { Settings, SettingsOptions } from '../settings.ts';
import { tlsSettings } from '../tls.ts';
import { tokenSettings } from '../token-settings.ts';
import { UserError } from '../user-error.ts';

/** A running cluster keeps the port and nodes it has; asking for others must not look as if it worked. */
export async function refuseChanges(
  running: RunningCluster,
  options: SettingsOptions,
  settings: Settings,
): Promise<void> {
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
  await refuseOtherFiles(options, settings);
}

/** What the server and the node read at their start. */
async function refuseOtherFiles(options: SettingsOptions, settings: Settings): Promise<void> {
  const cwd = process.cwd();
  const parts: Readonly<Record<string, (given: SettingsOptions) => unknown>> = {
    'node name': ({ nodeName = settings.nodeName }) => nodeName,
    'audit log': (given) => auditSettings(settings.audit, given, cwd),
    'set of rules for who may do what, or for how Secrets are sealed': (given) =>
      guardFiles(settings.guardFiles, given, cwd),
    'choice of TLS': (given) => tlsSettings(settings.tls, given),
    "choice for service accounts' tokens": (given) => tokenSettings(settings.tokenSettings, given),
    "scheduler's configuration": (given) => schedulerConfig(settings.schedulerConfig, given, cwd),
  };
  for (const [part, settingOf] of Object.entries(parts)) {
    if (isDeepStrictEqual(await settingOf(options), await settingOf({}))) continue;
    throw new UserError(`the cluster already runs, with another ${part}; to change it: naru down, then naru up again`);
  }
}
