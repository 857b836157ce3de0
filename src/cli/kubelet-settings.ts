/**
 * The options that say how the agent is to be: a kubelet's configuration file, a folder of static pods, a folder for plugins, the machine's
 * addresses. Empty ones turn earlier ones off.
 */

import { isIP } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import type { KubeletConfiguration } from '../agent/kubelet-configuration.ts';
import { type Logger, silentLogger } from '../lib/log.ts';
import { UserError } from './user-error.ts';

export interface KubeletCommandOptions {
  readonly kubeletConfig?: string;
  readonly staticPods?: string;
  readonly pluginFolder?: string;
  readonly nodeIp?: string;
}

/** Paths are absolute. */
export interface KubeletSettings {
  readonly kubeletConfig?: string | undefined;
  readonly staticPods?: string | undefined;
  readonly pluginFolder?: string | undefined;
  /** One of a family, with a comma between. */
  readonly nodeIp?: string | undefined;
}

export function withKubelet(command: Command): Command {
  return command
    .option('--kubelet-config <file>', "a KubeletConfiguration for this machine's node; '' to turn it off")
    .option(
      '--static-pods <folder>',
      "run the pods of the manifests in this folder, with or without the API; '' to turn it off",
    )
    .option(
      '--plugin-folder <folder>',
      "where device plugins and drivers look for this machine's node: /var/lib/kubelet for those made for a kubelet; '' for the node's own folder",
    )
    .option(
      '--node-ip <addresses>',
      "at which others reach this machine: an address, or one of each family ('A,B'); '' for its first one",
    );
}

/** @throws UserError where the file that the command names cannot be used */
export async function kubeletSettings(
  before: KubeletSettings,
  options: KubeletCommandOptions,
  folder: string,
): Promise<KubeletSettings> {
  const settings = chosenSettings(before, options, folder);
  if (options.kubeletConfig) await nodeConfiguration(settings);
  if (options.nodeIp) checkNodeIp(settings.nodeIp ?? '', os.networkInterfaces());
  return settings;
}

function chosenSettings(before: KubeletSettings, options: KubeletCommandOptions, folder: string): KubeletSettings {
  const chosen = (old: string | undefined, given: string | undefined): string | undefined => {
    if (given === undefined) return old;
    return given === '' ? undefined : path.resolve(folder, given);
  };
  const pluginFolder = chosen(before.pluginFolder, options.pluginFolder);
  const nodeIp = options.nodeIp?.replaceAll(' ', '') ?? before.nodeIp;
  return {
    kubeletConfig: chosen(before.kubeletConfig, options.kubeletConfig),
    staticPods: chosen(before.staticPods, options.staticPods),
    ...(pluginFolder !== undefined && { pluginFolder }),
    ...(nodeIp && { nodeIp }),
  };
}

/** @throws UserError for what is no address of this machine that others could reach it at */
export function checkNodeIp(text: string, interfaces: ReturnType<typeof os.networkInterfaces>): void {
  const wrong = (why: string): UserError =>
    new UserError(`--node-ip takes an address of this machine, or one of each family with a comma between; ${why}`);
  const addresses = text.split(',');
  const own = Object.values(interfaces).flatMap((list) => list ?? []);
  for (const address of addresses) {
    const found = own.find((each) => each.address === address);
    if (isIP(address) === 0) throw wrong(`${address || "''"} is none`);
    if (found === undefined) throw wrong(`${address} is on none of its network interfaces`);
    if (found.internal || /^fe[89ab]/i.test(address)) throw wrong(`nobody else reaches ${address}`);
  }
  if (addresses.length > 2 || new Set(addresses.map(isIP)).size < addresses.length) throw wrong(`${text} are too many`);
}

/** The option that asks for something else than what is set; undefined: none does. */
export function changedKubeletOption(
  before: KubeletSettings,
  options: KubeletCommandOptions,
  folder: string,
): string | undefined {
  const { kubeletConfig, staticPods, pluginFolder, nodeIp } = chosenSettings(before, options, folder);
  if (kubeletConfig !== before.kubeletConfig) return '--kubelet-config';
  if (pluginFolder !== before.pluginFolder) return '--plugin-folder';
  if (nodeIp !== before.nodeIp) return '--node-ip';
  return staticPods === before.staticPods ? undefined : '--static-pods';
}

/** What the agent is started with. @throws UserError where the file cannot be used (any more) */
export async function nodeConfiguration(
  { kubeletConfig, staticPods, pluginFolder }: KubeletSettings,
  log: Pick<Logger, 'warn'> = silentLogger,
): Promise<Partial<KubeletConfiguration>> {
  const folder = {
    ...(staticPods !== undefined && { staticPodPath: staticPods }),
    ...(pluginFolder !== undefined && { pluginRoot: pluginFolder }),
  };
  if (kubeletConfig === undefined) return folder;
  // Other commands do not wait for it.
  const { readKubeletConfiguration } = await import('./kubelet-configuration-file.ts');
  try {
    const { configuration, unused } = readKubeletConfiguration(kubeletConfig);
    if (unused.length > 0)
      log.warn('fields of the kubelet configuration have no effect here', { kubeletConfig, unused });
    const { staticPodPath } = configuration;
    // As in a kubelet's own, a relative path is one of where the file lies.
    const own = staticPodPath ? { staticPodPath: path.resolve(path.dirname(kubeletConfig), staticPodPath) } : {};
    return { ...configuration, ...own, ...folder };
  } catch (error) {
    throw new UserError((error as Error).message);
  }
}
