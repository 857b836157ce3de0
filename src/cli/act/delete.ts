/**
 * `naru delete`: objects by name, by labels, or those of manifests; then it waits until they are gone, and says what holds them.
 *
 * Kept true: an interrupted one leaves nothing half done: what was asked for goes on in the cluster, and a second one waits again.
 */
import process from 'node:process';
import type { KubeObject } from '../../api/object.ts';
import { hasReason } from '../../api/status-error.ts';
import type { ClientDeleteOptions } from '../../client/client.ts';
import type { Home } from '../../home.ts';
import { harmless } from '../../lib/harmless.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';
import { findTargets, type Target, type TargetOptions, targetName } from '../cluster/targets.ts';
import { UsageError } from '../exit-code.ts';
import { UserError } from '../user-error.ts';
import { fileTargets } from './file-targets.ts';
import { holderOf } from './holder.ts';

export interface DeleteOptions extends ConnectionOptions, TargetOptions {
  readonly filename?: readonly string[];
  readonly kustomize?: string;
  readonly recursive?: boolean;
  readonly gracePeriod?: number;
  readonly now?: boolean;
  readonly force?: boolean;
  readonly wait: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly cascade: 'background' | 'foreground' | 'orphan';
  readonly ignoreNotFound?: boolean;
  readonly output?: 'name';
}

const lookEveryMs = 200;
const sayAfterMs = 2_000;

interface Deleted extends Target {
  readonly uid: string;
}

export async function remove(home: Home, words: readonly string[], options: DeleteOptions): Promise<void> {
  check(words, options);
  await withApi(home, options, async (connection) => {
    const finder = new ResourceFinder(connection.client);
    const targets = await targetsOf(connection, finder, words, options);
    if (options.force === true) {
      process.stderr.write('Warning: --force does not wait for programs to end: they may run on for a while\n');
    }
    const deleted: Deleted[] = [];
    const missing: Error[] = [];
    for (const target of targets) {
      try {
        deleted.push(await deleteOne(connection, target, options));
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error;
        if (options.ignoreNotFound !== true && options.all !== true && options.selector === undefined)
          missing.push(error);
      }
    }
    if (targets.length === 0) process.stderr.write('No resources found\n');
    if (options.wait) await waitUntilGone(connection, deleted, options.timeout);
    if (missing.length > 0) throw new UserError(missing.map(({ message }) => message).join('\n'));
  });
}

function check(words: readonly string[], options: DeleteOptions): void {
  const hasFiles = options.filename !== undefined || options.kustomize !== undefined;
  if (hasFiles && words.length > 0) throw new UsageError('names and -f or -k cannot be given together');
  if (!hasFiles && words.length === 0) {
    throw new UsageError('say what to delete: TYPE/NAME, TYPE -l SELECTOR, TYPE --all, -f FILE or -k FOLDER');
  }
  if (options.filename !== undefined && options.kustomize !== undefined) {
    throw new UsageError('-f and -k cannot be given together');
  }
  if (options.now === true && (options.gracePeriod !== undefined || options.force === true)) {
    throw new UsageError('--now is a grace period of its own: leave out --grace-period and --force');
  }
  if (options.gracePeriod === 0 && options.force !== true) {
    throw new UsageError('--grace-period 0 needs --force; --now ends programs within a second');
  }
}

function targetsOf(
  connection: Connection,
  finder: ResourceFinder,
  words: readonly string[],
  options: DeleteOptions,
): Promise<readonly Target[]> {
  const { filename, kustomize, recursive } = options;
  if (words.length > 0) return findTargets(connection, finder, words, options);
  return fileTargets(connection, finder, {
    ...(filename !== undefined && { filename }),
    ...(kustomize !== undefined && { kustomize }),
    ...(recursive !== undefined && { recursive }),
  });
}

const policies = { background: 'Background', foreground: 'Foreground', orphan: 'Orphan' } as const;

async function deleteOne({ client }: Connection, target: Target, options: DeleteOptions): Promise<Deleted> {
  const { metadata } = await client.get<KubeObject>(target.resource, target);
  const grace = options.now === true ? 1 : (options.gracePeriod ?? (options.force === true ? 0 : undefined));
  const wishes: ClientDeleteOptions = {
    propagationPolicy: policies[options.cascade],
    ...(grace !== undefined && grace >= 0 && { gracePeriodSeconds: grace }),
  };
  await client.delete(target.resource, target, wishes);
  process.stdout.write(`${deletedLine(target, options)}\n`);
  return { ...target, uid: metadata?.uid ?? '' };
}

/** In kubectl's words. */
function deletedLine(target: Target, { output, force }: DeleteOptions): string {
  if (output === 'name') return targetName(target);
  const { resource, name, namespace } = target;
  const type = `${resource.singular || resource.kind.toLowerCase()}${resource.group === '' ? '' : `.${resource.group}`}`;
  const from = namespace === '' ? '' : ` from ${namespace} namespace`;
  return `${type} "${name}" ${force === true ? 'force deleted' : 'deleted'}${from}`;
}

/** @throws UserError naming what is left, and what holds it */
async function waitUntilGone({ client, clock }: Connection, deleted: readonly Deleted[], timeoutMs = 0): Promise<void> {
  const startMs = clock.monotonic();
  const said = new Map<string, string>();
  let left = deleted;
  for (;;) {
    const still: { readonly target: Deleted; readonly object: KubeObject }[] = [];
    for (const target of left) {
      const object = await readLeft(client, target);
      if (object !== undefined) still.push({ target, object });
    }
    if (still.length === 0) return;
    const waitedMs = clock.monotonic() - startMs;
    if (timeoutMs > 0 && waitedMs > timeoutMs) {
      const [first] = still;
      const holder = first === undefined ? '' : `: ${targetName(first.target)} ${holderOf(first.object)}`;
      throw new UserError(`${still.length} not gone within ${timeoutMs / 1000} s${holder}`);
    }
    if (waitedMs > sayAfterMs) for (const { target, object } of still) sayHolder(target, object, said);
    left = still.map(({ target }) => target);
    await clock.sleep(lookEveryMs);
  }
}

/** Undefined when it is gone, or when another one has its name. */
async function readLeft(client: Connection['client'], target: Deleted): Promise<KubeObject | undefined> {
  try {
    const object = await client.get<KubeObject>(target.resource, target);
    return object.metadata?.uid === target.uid ? object : undefined;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Once, and again when it changes. */
function sayHolder(target: Target, object: KubeObject, said: Map<string, string>): void {
  const name = targetName(target);
  const holder = holderOf(object);
  if (said.get(name) === holder) return;
  said.set(name, holder);
  process.stderr.write(harmless(`waiting: ${name} ${holder}\n`));
}
