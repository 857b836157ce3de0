/**
 * From one rendering to the next: commands to the running HAProxy where servers, entries of maps and contents of certificates are all that changed, else a
 * reload. Changes of endpoints are never more than commands. Pure.
 */
import type { Rendering, ServerLine } from './rendering.ts';
import { socketAddress } from './rendering.ts';

export type Change =
  | { readonly kind: 'none' }
  /** In order. `left`: servers (`section/name`) that get nothing any more, to be deleted once their connections are over. */
  | { readonly kind: 'commands'; readonly commands: readonly string[]; readonly left: readonly string[] }
  | { readonly kind: 'reload'; readonly why: string };

/** A command must fit into one buffer of HAProxy's. */
export const commandBytesMax = 15_000;
/** Beyond so many a reload takes less time. */
const commandsMax = 5000;

/** @param leaving servers of earlier changes that are still there */
export function difference(before: Rendering, after: Rendering, leaving: ReadonlySet<string>): Change {
  if (before.config !== after.config) return { kind: 'reload', why: 'sections' };
  if (!sameTexts(before.files, after.files)) return { kind: 'reload', why: 'files' };
  if (!sameKeys(before.maps, after.maps)) return { kind: 'reload', why: 'maps' };
  if (!sameKeys(before.certificates, after.certificates)) return { kind: 'reload', why: 'certificates' };
  const servers = serverChanges(before, after, leaving);
  const certificates = certificateCommands(before, after);
  const commands = [...certificates, ...servers.commands, ...mapCommands(before, after)];
  if (commands.length > commandsMax) return { kind: 'reload', why: 'many changes' };
  if (commands.some((command) => Buffer.byteLength(command) > commandBytesMax))
    return { kind: 'reload', why: 'a long change' };
  if (commands.length === 0) return { kind: 'none' };
  return { kind: 'commands', commands, left: servers.left };
}

function sameKeys(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  return a.size === b.size && [...a.keys()].every((key) => b.has(key));
}

function sameTexts(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, text]) => b.get(key) === text);
}

/** New servers come before old ones go, so that there is one at every moment. */
function serverChanges(
  before: Rendering,
  after: Rendering,
  leaving: ReadonlySet<string>,
): { commands: string[]; left: string[] } {
  const added: string[] = [];
  const removed: string[] = [];
  const left: string[] = [];
  for (const [section, servers] of after.servers) {
    const old = before.servers.get(section);
    for (const [name, server] of servers) {
      const known = old?.get(name);
      if (known?.isDraining === server.isDraining) continue;
      if (known === undefined && !leaving.has(`${section}/${name}`)) added.push(addCommand(section, name, server));
      (server.isDraining ? removed : added).push(stateCommand(section, name, server.isDraining));
    }
    for (const name of old?.keys() ?? []) {
      if (servers.has(name)) continue;
      removed.push(stateCommand(section, name, true));
      left.push(`${section}/${name}`);
    }
  }
  return { commands: [...added, ...removed], left };
}

function addCommand(section: string, name: string, { address, port, id, parameters }: ServerLine): string {
  return `add server ${section}/${name} ${socketAddress(address, port)} id ${id}${parameters}`;
}

/** "maint" and not "drain": that would still take requests with a cookie. What is under way goes on in both. */
function stateCommand(section: string, name: string, isDraining: boolean): string {
  return `set server ${section}/${name} state ${isDraining ? 'maint' : 'ready'}`;
}

function mapCommands(before: Rendering, after: Rendering): string[] {
  const commands: string[] = [];
  for (const [map, entries] of after.maps) {
    const old = before.maps.get(map) ?? new Map<string, string>();
    for (const [key, value] of entries) {
      if (!old.has(key)) commands.push(`add map ${map} ${escaped(key)} ${escaped(value)}`);
      else if (old.get(key) !== value) commands.push(`set map ${map} ${escaped(key)} ${escaped(value)}`);
    }
    for (const key of old.keys()) if (!entries.has(key)) commands.push(`del map ${map} ${escaped(key)}`);
  }
  return commands;
}

/** On the socket a backslash stands before what would end a word or a command. */
function escaped(text: string): string {
  return text.replace(/[\\;\s]/g, '\\$&');
}

function certificateCommands(before: Rendering, after: Rendering): string[] {
  return [...after.certificates].flatMap(([name, pem]) => {
    if (before.certificates.get(name) === pem) return [];
    // An empty line would end it.
    const text = pem.replace(/\r?\n(?:\s*\r?\n)+/g, '\n').trim();
    return [`set ssl cert ${name} <<\n${text}\n`, `commit ssl cert ${name}`];
  });
}
