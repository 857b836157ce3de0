/** `naru label` and `naru annotate`: marks as words (`key=value`, `key-`), and what they make of an object's. */
import process from 'node:process';
import type { KubeObject } from '../../api/object.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Home } from '../../home.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';
import { findTargets, forEach, type Target, type TargetOptions, targetName } from '../cluster/targets.ts';
import { UsageError } from '../exit-code.ts';
import { UserError } from '../user-error.ts';

export type MarkKind = 'labels' | 'annotations';

export interface MarkOptions extends ConnectionOptions, TargetOptions {
  readonly overwrite?: boolean;
  readonly list?: boolean;
}

type Marks = Readonly<Record<string, string>>;

/** A value, or null: to be taken away. */
export type MarkChanges = ReadonlyMap<string, string | null>;

/** What names objects, and what changes their marks. @throws UsageError */
export function splitWords(words: readonly string[]): {
  readonly names: readonly string[];
  readonly changes: MarkChanges;
} {
  const isChange = (word: string): boolean => word.includes('=') || word.endsWith('-');
  const first = words.findIndex(isChange);
  const names = first < 0 ? words : words.slice(0, first);
  const changes = new Map<string, string | null>();
  for (const word of first < 0 ? [] : words.slice(first)) {
    if (!isChange(word)) throw new UsageError(`"${word}" is neither KEY=VALUE nor KEY-`);
    const equals = word.indexOf('=');
    const key = equals < 0 ? word.slice(0, -1) : word.slice(0, equals);
    if (changes.has(key)) throw new UsageError(`"${key}" is named twice`);
    changes.set(key, equals < 0 ? null : word.slice(equals + 1));
  }
  return { names, changes };
}

/** What is to be written, empty where all is so already. @throws UserError where a value would be lost that nobody gave up */
export function decideMarks(
  now: Marks,
  changes: MarkChanges,
  overwrite: boolean,
): Readonly<Record<string, string | null>> {
  const written: Record<string, string | null> = {};
  for (const [key, value] of changes) {
    const has = now[key];
    if (has === (value ?? undefined)) continue;
    if (value !== null && has !== undefined && !overwrite) {
      throw new UserError(`'${key}' already has a value (${has}), and --overwrite is false`);
    }
    written[key] = value;
  }
  return written;
}

const verbs = {
  labels: { done: 'labeled', removed: 'unlabeled', nothing: 'not labeled' },
  annotations: { done: 'annotated', removed: 'annotated', nothing: 'not annotated' },
} as const;

export async function mark(home: Home, kind: MarkKind, words: readonly string[], options: MarkOptions): Promise<void> {
  const { names, changes } = splitWords(words);
  if (changes.size === 0 && options.list !== true) {
    throw new UsageError('say what to change: KEY=VALUE, or KEY- to take it away (--list shows what there is)');
  }
  await withApi(home, options, async (connection) => {
    const targets = await findTargets(connection, new ResourceFinder(connection.client), names, options);
    await forEach(targets, async (target) => {
      if (changes.size > 0) await change(connection, kind, target, changes, options);
      if (options.list === true) await list(connection, kind, target, targets.length > 1);
    });
  });
}

const attemptsMax = 5;

async function change(
  { client }: Connection,
  kind: MarkKind,
  target: Target,
  changes: MarkChanges,
  { overwrite }: MarkOptions,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { metadata } = await client.get<KubeObject>(target.resource, target);
    const written = decideMarks(metadata?.[kind] ?? {}, changes, overwrite === true);
    const count = Object.keys(written).length;
    const { done, removed, nothing } = verbs[kind];
    const said = count === 0 ? nothing : Object.values(written).every((value) => value === null) ? removed : done;
    try {
      if (count > 0) {
        const body = { metadata: { [kind]: written, resourceVersion: metadata?.resourceVersion } };
        await client.patch(target.resource, target, { type: 'merge', body });
      }
      process.stdout.write(`${targetName(target)} ${said}\n`);
      return;
    } catch (error) {
      // Somebody else wrote in between: look again.
      if (!hasReason(error, 'Conflict') || attempt >= attemptsMax) throw error;
    }
  }
}

async function list({ client }: Connection, kind: MarkKind, target: Target, withName: boolean): Promise<void> {
  const { metadata } = await client.get<KubeObject>(target.resource, target);
  if (withName) process.stdout.write(`${targetName(target)}:\n`);
  for (const [key, value] of Object.entries(metadata?.[kind] ?? {}).toSorted())
    process.stdout.write(`${key}=${value}\n`);
}
