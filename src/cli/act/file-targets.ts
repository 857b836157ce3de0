/** The objects that manifests or a kustomization name: in the reverse order, so that what needs others goes before them. */
import process from 'node:process';
import { buildKustomization } from '../../kustomize/build.ts';
import { loadManifests } from '../../manifests/load.ts';
import type { Connection } from '../cluster/connection.ts';
import type { ResourceFinder } from '../cluster/resource-finder.ts';
import { type Target, targetOf } from '../cluster/targets.ts';
import { UserError } from '../user-error.ts';

export interface FileOptions {
  readonly filename?: readonly string[];
  readonly kustomize?: string;
  readonly recursive?: boolean;
}

/** What the cluster serves no more is gone with its definition, and left out. @throws ManifestError, UserError */
export async function fileTargets(
  { namespace }: Connection,
  finder: ResourceFinder,
  { filename = [], kustomize, recursive }: FileOptions,
): Promise<readonly Target[]> {
  const objects =
    kustomize === undefined
      ? await loadManifests(filename, { recursive: recursive === true, standardInput })
      : (await buildKustomization(kustomize)).objects;
  const targets: Target[] = [];
  for (const { object, from } of objects.toReversed()) {
    const { name, namespace: own } = object.metadata ?? {};
    if (name === undefined) throw new UserError(`${from}: it has no metadata.name, so it cannot be found again`);
    const resource = await finder.byKind(object.apiVersion ?? '', object.kind ?? '');
    if (resource !== undefined) targets.push(targetOf(resource, name, own ?? namespace));
  }
  return targets;
}

async function standardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
