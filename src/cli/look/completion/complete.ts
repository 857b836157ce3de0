/** `naru completion SHELL`, and `naru __complete`, which the shells ask at every press of the key: quick, and silent when it knows nothing. */
import process from 'node:process';
import type { Command } from 'commander';
import type { Home } from '../../../home.ts';
import { RealClock } from '../../../lib/clock.ts';
import { type Connection, withApi } from '../../cluster/connection.ts';
import { ResourceFinder } from '../../cluster/resource-finder.ts';
import { UsageError } from '../../exit-code.ts';
import { requestPath } from '../requests.ts';
import { type Candidate, type Decision, decideCompletion } from './decide.ts';
import { scripts } from './scripts.ts';

export function printScript(shell: string): void {
  const script = scripts[shell];
  if (script === undefined)
    throw new UsageError(`there is no completion for "${shell}"; there is for ${Object.keys(scripts).join(', ')}`);
  process.stdout.write(script);
}

/** Longer than this nobody waits for a suggestion. */
const answerMsMax = 2000;
/** More is no help to choose from. */
const namesMax = 500;

export async function complete(home: Home, program: Command, words: readonly string[]): Promise<void> {
  const decision = decideCompletion(program, words);
  if (decision.wanted.kind === 'files') {
    process.stdout.write(':files\n');
    return;
  }
  const late = new RealClock({ keepsAlive: true }).sleep(answerMsMax).then(() => []);
  const found = await Promise.race([candidates(home, decision).catch(() => []), late]);
  const fitting = found.filter(({ word }) => word.startsWith(decision.current));
  process.stdout.write(fitting.map(({ word, description }) => `${word}\t${oneLine(description)}\n`).join(''));
  // Whatever is still asked for is asked in vain.
  process.exit(0);
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');

async function candidates(home: Home, decision: Decision): Promise<readonly Candidate[]> {
  const { wanted, current } = decision;
  if (wanted.kind === 'words') return wanted.candidates;
  if (wanted.kind === 'nothing' || wanted.kind === 'files') return [];
  return withApi(home, decision.connection, async (connection) => {
    const finder = new ResourceFinder(connection.client);
    if (wanted.kind === 'names') {
      const names = await namesOf(connection, finder, wanted.type);
      return names.filter((name) => !decision.used.includes(name)).map((word) => ({ word, description: '' }));
    }
    const slash = current.indexOf('/');
    if (slash < 0) return typesOf(finder, current);
    const type = current.slice(0, slash);
    return (await namesOf(connection, finder, type)).map((name) => ({ word: `${type}/${name}`, description: '' }));
  });
}

async function typesOf(finder: ResourceFinder, current: string): Promise<Candidate[]> {
  const preferred = (await finder.all()).filter((resource) => resource.preferred && resource.verbs.includes('list'));
  return preferred.flatMap(({ resource, shortNames, kind }) => {
    // A short name is offered to who has written it, so that a slash may follow.
    const words = [resource, ...shortNames.filter((short) => short === current)];
    return words.map((word) => ({ word, description: kind }));
  });
}

/** As the shell reads it when it is put into the line: some kinds take any name, also one with a command behind a semicolon. */
export const isOneWord = (name: string): boolean => /^[\w.:@%+=-]+$/.test(name);

async function namesOf(
  { client, namespace }: Connection,
  finder: ResourceFinder,
  type: string,
): Promise<readonly string[]> {
  const resource = await finder.byName(type);
  const path = requestPath({ resource, namespace: resource.namespaced ? namespace : '', name: '' });
  const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json';
  const { body } = await client.request({ path: `${path}?limit=${namesMax}`, accept });
  const list = JSON.parse(body.toString()) as {
    readonly items: readonly { readonly metadata?: { readonly name?: string } }[];
  };
  return list.items.map(({ metadata }) => metadata?.name ?? '').filter(isOneWord);
}
