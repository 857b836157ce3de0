/** What must hold before a machine becomes a node, and what is said where it does not. Pure. */
import type { Node } from '../../api/schema/types/core-v1.ts';
import { UsageError } from '../exit-code.ts';
import { UserError } from '../user-error.ts';

/** `192.168.1.5`, `host:6443`, `[fd00::1]:6443`, `https://host`: as `https://host:port`. @throws UsageError */
export function serverUrl(text: string): string {
  const bare = /^[0-9a-f:]+:[0-9a-f:]*$/i.test(text) && text.split(':').length > 2 ? `[${text}]` : text;
  try {
    const url = new URL(bare.includes('://') ? bare : `https://${bare}`);
    if (url.protocol !== 'https:' || url.hostname === '' || url.pathname !== '/' || url.username || url.search)
      throw new TypeError();
    const isPortTold = /:\d+\/?$/.test(bare);
    return `https://${url.hostname}:${url.port || (isPortTold ? '443' : '6443')}`;
  } catch {
    throw new UsageError(
      `${text.slice(0, 100)} is no server: it is an address or a name, with a port where that is not 6443`,
    );
  }
}

/** As nodes are called. @throws UsageError */
export function checkNodeName(name: string): void {
  if (name.length <= 63 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) return;
  throw new UsageError(
    `"${name.slice(0, 80)}" is no name for a node: small letters, digits, - and . alone, 63 at most; choose one with --node-name`,
  );
}

const skewMsMax = 5 * 60_000;
const skewMsNoticed = 10_000;

/**
 * Certificates are made by the server's clock and judged by this machine's, too. What a warning says, where there is something to warn of.
 * @param date of the server's answer @throws UserError where nothing would work
 */
export function clockWarning(date: string | undefined, nowMs: number): string | undefined {
  const serverMs = Date.parse(date ?? '');
  // A header has whole seconds.
  const offMs = nowMs - (serverMs + 500);
  if (Number.isNaN(serverMs) || Math.abs(offMs) < skewMsNoticed) return undefined;
  const what = `this machine's clock is ${durationText(Math.abs(offMs))} ${offMs > 0 ? 'ahead of' : 'behind'} the server's`;
  if (Math.abs(offMs) < skewMsMax) return `${what}; set both by NTP`;
  throw new UserError(
    `${what}: certificates would not be good here; set the clock (timedatectl set-ntp true), and join again`,
  );
}

function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} minutes` : `${Math.round(seconds / 3600)} hours`;
}

export interface ServedVersion {
  readonly major: string;
  readonly minor: string;
}

/** As upstream's: a node may be three minor versions older than its server, and never newer. */
const minorsBehindMax = 3;

/** Why a node of that version may not stand under a server of this one; undefined: it may. */
export function versionProblem(server: ServedVersion, own: ServedVersion): string | undefined {
  const [serverMinor, ownMinor] = [Number.parseInt(server.minor, 10), Number.parseInt(own.minor, 10)];
  const behind = serverMinor - ownMinor;
  if (server.major === own.major && behind >= 0 && behind <= minorsBehindMax) return undefined;
  const versions = `the server speaks Kubernetes ${server.major}.${server.minor}, and this machine's naru ${own.major}.${own.minor}`;
  if (behind < 0 || server.major < own.major)
    return `${versions}: a node may not be newer than its server. Upgrade the server first (naru upgrade there), or take the server's version of naru here`;
  return `${versions}: a node may be ${minorsBehindMax} minor versions older at most. Take the server's version of naru here`;
}

export interface MachineIds {
  readonly machineId: string;
  readonly systemUuid: string;
}

/** Why this machine may not take the name of a Node that is there already; undefined: it may. @param node absent: nobody has it */
export function nameProblem(node: Node | undefined, own: MachineIds): string | undefined {
  if (node === undefined) return undefined;
  const name = node.metadata?.name ?? '';
  const choose = 'choose another name here: --node-name NAME';
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  if (ready) return `the cluster has a node ${name} already, and it is up; ${choose}`;
  const info = node.status?.nodeInfo;
  if (info === undefined || info.machineID === '') return undefined;
  if (info.machineID === own.machineId && info.systemUUID === own.systemUuid) return undefined;
  return `the cluster has a node ${name} already, on another machine, which is not Ready; ${choose}, or, if that machine is gone for good, remove it on the server: naru node remove ${name}`;
}
