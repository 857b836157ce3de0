/**
 * What a plan is in HAProxy's terms, as a value: the text of the configuration and its files, and apart from them what can be changed while HAProxy runs
 * (servers, maps, certificates). `difference.ts` compares two of them.
 */
import { createHash } from 'node:crypto';
import type { Source } from '../plan.ts';

/** A line of it and the name of a section stands for the section's servers. Nothing that comes from objects can hold the marks. */
export const serversMark = '\u0002';
/** Stands for the number of the reload. */
export const generationMark = '\u0003';

export interface Rendering {
  readonly config: string;
  /** By name. They change by a reload alone. */
  readonly files: ReadonlyMap<string, string>;
  /** By name of the file: keys and values. */
  readonly maps: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** By name of the file: key and chain. */
  readonly certificates: ReadonlyMap<string, string>;
  /** By section, by name of the server. */
  readonly servers: ReadonlyMap<string, ReadonlyMap<string, ServerLine>>;
  /** Where it listens, and for whom. */
  readonly listeners: readonly Listener[];
  /** What was left out, since HAProxy would not take it. */
  readonly refusals: readonly Refusal[];
}

export interface ServerLine {
  readonly address: string;
  readonly port: number;
  /** What its share of a hash hangs on: of address and port alone, so that every node and every process has the same. */
  readonly id: number;
  readonly isDraining: boolean;
  /** The rest of the line: protocol, TLS, PROXY. */
  readonly parameters: string;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  readonly sources: readonly Source[];
}

/** What could not be done, and through whose fault. */
export interface Refusal {
  readonly source: Source;
  readonly message: string;
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 10);
}

/** A server's line, as in the file. */
export function serverLine(name: string, server: ServerLine): string {
  const state = server.isDraining ? ' disabled' : '';
  return `  server ${name} ${socketAddress(server.address, server.port)} id ${server.id}${server.parameters}${state}`;
}

/** IPv6 is in brackets, where the port follows. */
export function socketAddress(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The socket for commands, beside the folders of the reloads. */
export const socketName = 'haproxy.sock';
export const configName = 'haproxy.cfg';
/** Where the configuration of a folder listens: a line each. */
export const listenersName = 'listeners';

export function listenerText({ address, port }: Pick<Listener, 'address' | 'port'>): string {
  return `${address} ${port}`;
}

/** All files of a rendering by name. They name each other without a folder. */
export function allFiles(rendering: Rendering, generation: number): Map<string, string> {
  const files = new Map([...rendering.files, ...rendering.certificates]);
  for (const [name, map] of rendering.maps) files.set(name, mapText(map));
  files.set(listenersName, rendering.listeners.map(listenerText).join('\n'));
  files.set(configName, configText(rendering, generation));
  return files;
}

export function mapText(map: ReadonlyMap<string, string>): string {
  let text = '';
  for (const [key, value] of map) text += `${key} ${value}\n`;
  return text;
}

export function configText(rendering: Rendering, generation: number): string {
  return rendering.config
    .replaceAll(generationMark, String(generation))
    .replace(new RegExp(`^${serversMark}(.*)$`, 'gm'), (_, section: string) =>
      [...(rendering.servers.get(section) ?? [])].map(([name, server]) => serverLine(name, server)).join('\n'),
    );
}
