/** The objects that a command is to act on, from words and selectors. What a selector finds is read; what is named is taken at its word. */
import process from 'node:process';
import type { KubeObject, ObjectReference } from '../../api/object.ts';
import { hasReason } from '../../api/status-error.ts';
import { harmless } from '../../lib/harmless.ts';
import { UsageError } from '../exit-code.ts';
import { describeError } from '../user-error.ts';
import type { Connection } from './connection.ts';
import { parseObjectWords } from './object-names.ts';
import type { FoundResource, ResourceFinder } from './resource-finder.ts';

export interface Target extends ObjectReference {
  readonly resource: FoundResource;
}

export interface TargetOptions {
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly all?: boolean;
  readonly allNamespaces?: boolean;
}

/** `deployment.apps/web`: as people find it again. */
export function targetName({ resource, name }: Target): string {
  const type = `${resource.singular || resource.kind.toLowerCase()}${resource.group === '' ? '' : `.${resource.group}`}`;
  return harmless(`${type}/${name}`);
}

export function targetOf(resource: FoundResource, name: string, namespace: string): Target {
  return { resource, name, namespace: resource.namespaced ? namespace : '' };
}

/** One object, named as TYPE/NAME or NAME, of the type that is usual for the command. */
export async function oneTarget(
  { namespace }: Connection,
  finder: ResourceFinder,
  word: string,
  usualType: string,
): Promise<Target> {
  const words = parseObjectWords([word.includes('/') ? word : `${usualType}/${word}`]);
  const [only] = words.kind === 'objects' ? words.objects : [];
  if (only === undefined) throw new UsageError(`"${word}" names nothing`);
  return targetOf(await finder.byName(only.type), only.name, namespace);
}

/** @throws UsageError where it is open which objects are meant */
export async function findTargets(
  connection: Connection,
  finder: ResourceFinder,
  words: readonly string[],
  options: TargetOptions,
): Promise<readonly Target[]> {
  const parsed = parseObjectWords(words);
  const selects = options.selector !== undefined || options.fieldSelector !== undefined || options.all === true;
  if (parsed.kind === 'objects') {
    if (selects) throw new UsageError('names and a selector (-l, --field-selector, --all) cannot be given together');
    if (options.allNamespaces === true) throw new UsageError('an object cannot be named across all namespaces (-A)');
    return Promise.all(
      parsed.objects.map(async ({ type, name }) => targetOf(await finder.byName(type), name, connection.namespace)),
    );
  }
  if (!selects) {
    throw new UsageError(`say which ${parsed.types.join(',')} are meant: by name, with -l SELECTOR, or --all`);
  }
  const lists = parsed.types.map(async (type) => {
    const resources = await finder.byNameOrCategory(type);
    return (await Promise.all(resources.map((resource) => listTargets(connection, resource, options)))).flat();
  });
  return (await Promise.all(lists)).flat();
}

async function listTargets(
  { client, namespace }: Connection,
  resource: FoundResource,
  { selector, fieldSelector, allNamespaces }: TargetOptions,
): Promise<readonly Target[]> {
  const { items } = await client.list<KubeObject>(resource, {
    ...(resource.namespaced && allNamespaces !== true && { namespace }),
    ...(selector !== undefined && { labelSelector: selector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
  });
  return items.map(({ metadata }) => targetOf(resource, metadata?.name ?? '', metadata?.namespace ?? ''));
}

/** Calls `act` for each; those that are not there are told together, after the others were done. @throws the first error */
export async function forEach(targets: readonly Target[], act: (target: Target) => Promise<void>): Promise<void> {
  let first: unknown;
  for (const target of targets) {
    try {
      await act(target);
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
      if (first === undefined) first = error;
      else process.stderr.write(`naru: ${describeError(error, false)}\n`);
    }
  }
  if (first !== undefined) throw first;
}
