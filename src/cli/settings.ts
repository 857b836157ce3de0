/**
 * What the cluster in a home was last told to be, so that `naru up` after a crash needs no options. The command line wins over it.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import process from 'node:process';
import type { GuardFiles } from '../guard.ts';
import { type Home, makeHome } from '../home.ts';
import type { AuditSettings } from '../server/audit/open-auditor.ts';
import type { TlsSettings } from '../server/http/tls-settings.ts';
import type { TokenSettings } from '../server/service-accounts/tokens.ts';
import { freshRanges, type RangeCommandOptions, type RangeSettings, rangeSettings } from './address-ranges.ts';
import { type AuditCommandOptions, auditSettings, checkAudit } from './audit.ts';
import { type GuardCommandOptions, guardFiles } from './guard-files.ts';
import { type KubeletCommandOptions, type KubeletSettings, kubeletSettings } from './kubelet-settings.ts';
import { type SchedulerCommandOptions, schedulerConfig } from './scheduler-settings.ts';
import { simulatedSettings } from './simulated-nodes.ts';
import { servingNamesOf, type TlsCommandOptions, tlsSettings } from './tls.ts';
import { type TokenCommandOptions, tokenSettings } from './token-settings.ts';
import { UserError } from './user-error.ts';

export interface Settings extends RangeSettings {
  readonly port: number;
  /** The address that the API listens on. */
  readonly host: string;
  /** By which other names and addresses clients reach it: its certificate bears them. */
  readonly tlsSans?: readonly string[];
  /** 0: this machine is a node, with containers. */
  readonly simulatedNodes: number;
  /** The file that says how they are; plain ones where absent. */
  readonly simulatedNodeTemplate?: string | undefined;
  readonly nodeName: string;
  /** What is written down about requests, and where; nothing where absent. */
  readonly audit?: AuditSettings | undefined;
  readonly guardFiles?: GuardFiles;
  /** Which TLS the API speaks; the default where absent. */
  readonly tls?: TlsSettings | undefined;
  /** Who signs service accounts' tokens, and for whom; as built in where absent. */
  readonly tokenSettings?: TokenSettings | undefined;
  /** The scheduler's configuration file; its defaults where absent. */
  readonly schedulerConfig?: string | undefined;
  /** How this machine's agent is to be. */
  readonly kubelet?: KubeletSettings;
}

export interface SettingsOptions
  extends AuditCommandOptions,
    GuardCommandOptions,
    TokenCommandOptions,
    SchedulerCommandOptions,
    KubeletCommandOptions,
    TlsCommandOptions,
    RangeCommandOptions {
  readonly port?: number;
  readonly host?: string;
  /** Separated by commas; an empty text for none. */
  readonly tlsSan?: string;
  readonly simulatedNodes?: number;
  readonly simulatedNodeTemplate?: string;
  readonly nodeName?: string;
}

/** The name of a machine's node where nobody gave it one. */
export const hostNodeName = (hostname: string): string => hostname.toLowerCase().replace(/[^a-z0-9.-]/g, '-');

/** The settings of a home that has none yet. */
function freshSettings(home: Home): Settings {
  return {
    port: 6443,
    host: '127.0.0.1',
    simulatedNodes: 0,
    nodeName: hostNodeName(os.hostname()),
    ...freshRanges(home),
  };
}

export function readSettings(home: Home): Settings {
  let text: string;
  try {
    text = readFileSync(home.settings, 'utf8');
  } catch {
    return freshSettings(home);
  }
  try {
    return { ...freshSettings(home), ...(JSON.parse(text) as Partial<Settings>) };
  } catch (error) {
    throw new UserError(
      `the settings file ${home.settings} is not JSON (${(error as Error).message}); mend it, or remove it to start with the defaults (objects and images are kept elsewhere)`,
    );
  }
}

/**
 * Puts the command line's options over what was there, and keeps the result: later commands without options live by it, so that nothing
 * is kept which could not work.
 * @throws UserError, Error, one sentence
 */
export async function updateSettings(home: Home, options: SettingsOptions): Promise<Settings> {
  const before = readSettings(home);
  const settings: Settings = {
    ...before,
    ...(options.port !== undefined && { port: options.port }),
    ...(options.host !== undefined && { host: options.host }),
    ...(options.tlsSan !== undefined && { tlsSans: servingNamesOf(options.tlsSan) }),
    ...(await simulatedSettings(before, options, process.cwd())),
    ...(options.nodeName !== undefined && { nodeName: options.nodeName }),
    ...(await rangeSettings(before, options, home)),
    audit: auditSettings(before.audit, options, process.cwd()),
    guardFiles: guardFiles(before.guardFiles, options, process.cwd()),
    tls: tlsSettings(before.tls, options),
    tokenSettings: tokenSettings(before.tokenSettings, options),
    schedulerConfig: await schedulerConfig(before.schedulerConfig, options, process.cwd()),
    kubelet: await kubeletSettings(before.kubelet ?? {}, options, process.cwd()),
  };
  await checkAudit(settings.audit, options);
  makeHome(home);
  const temporary = `${home.settings}.new`;
  writeFileSync(temporary, `${JSON.stringify(settings, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, home.settings);
  return settings;
}
