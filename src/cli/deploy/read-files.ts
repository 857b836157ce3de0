/** What `-f` and `-k` name, and how naru's deploying finds its way in a cluster. */
import process from 'node:process';
import type { Cluster, KindFinder } from '../../deploy/target.ts';
import { buildKustomization } from '../../kustomize/build.ts';
import { loadManifests } from '../../manifests/load.ts';
import type { SourceObject } from '../../manifests/source-object.ts';
import type { Connection } from '../cluster/connection.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';
import { UsageError } from '../exit-code.ts';

export interface FileOptions {
  readonly filename?: readonly string[];
  readonly kustomize?: string;
  readonly recursive?: boolean;
}

/** @throws ManifestError, UsageError */
export async function readFiles(options: FileOptions): Promise<readonly SourceObject[]> {
  const { filename = [], kustomize, recursive = false } = options;
  if (filename.length > 0 === (kustomize !== undefined)) {
    throw new UsageError(
      'name what is meant: files with -f FILE (- for standard input), or a kustomization with -k FOLDER',
    );
  }
  if (kustomize === undefined) return loadManifests(filename, { recursive, standardInput });
  const { objects, notes } = await buildKustomization(kustomize);
  for (const note of notes) console.error(`note: ${note}`);
  return objects;
}

export async function standardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function clusterOf({ client, namespace }: Pick<Connection, 'client' | 'namespace'>): Cluster {
  return { client, namespace, finder: finderOf(new ResourceFinder(client)) };
}

function finderOf(finder: ResourceFinder): KindFinder {
  return {
    byKind: (apiVersion, kind) => finder.byKind(apiVersion, kind),
    byGroupKind: async (groupKind) => {
      const dot = groupKind.indexOf('.');
      const [kind, group] = dot < 0 ? [groupKind, ''] : [groupKind.slice(0, dot), groupKind.slice(dot + 1)];
      return (await finder.all()).find((one) => one.kind === kind && one.group === group && one.preferred);
    },
    forget: () => finder.forget(),
  };
}
