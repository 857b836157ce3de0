/** `naru set image`: other images for the containers of a workload's pods. */
import process from 'node:process';
import type { KubeObject } from '../../api/object.ts';
import type { PodSpec } from '../../api/schema/types/core-v1.ts';
import type { Home } from '../../home.ts';
import { type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';
import { findTargets, forEach, type TargetOptions, targetName } from '../cluster/targets.ts';
import { UsageError } from '../exit-code.ts';
import { UserError } from '../user-error.ts';

/** By container; `*` stands for all. */
export type Images = ReadonlyMap<string, string>;

/** @throws UsageError */
export function splitImages(words: readonly string[]): { readonly names: readonly string[]; readonly images: Images } {
  const pairs = words.filter((word) => word.includes('='));
  if (pairs.length === 0) throw new UsageError('say which image: CONTAINER=IMAGE, or *=IMAGE for all of them');
  const images = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const [container, image] = [pair.slice(0, equals), pair.slice(equals + 1)];
    if (container === '' || image === '') throw new UsageError(`"${pair}" is not of the form CONTAINER=IMAGE`);
    images.set(container, image);
  }
  return { names: words.filter((word) => !word.includes('=')), images };
}

/** Where each kind has its pods' spec. */
const podSpecPaths: Readonly<Record<string, readonly string[]>> = {
  Pod: ['spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
};
const usualPath = ['spec', 'template', 'spec'];

/** The patch, or undefined where all is so already. @throws UserError where there is no such container */
export function decideImages(object: KubeObject, images: Images): object | undefined {
  const path = podSpecPaths[object.kind ?? ''] ?? usualPath;
  const spec = path.reduce<unknown>((value, field) => (value as Record<string, unknown> | undefined)?.[field], object);
  const { containers, initContainers = [] } = (spec ?? {}) as Partial<PodSpec>;
  if (containers === undefined) throw new UserError(`a ${object.kind} has no containers`);
  const all = [...containers, ...initContainers].map(({ name }) => name);
  const unknown = [...images.keys()].find((name) => name !== '*' && !all.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`${object.metadata?.name} has no container "${unknown}"; it has ${all.join(', ')}`);
  }
  const changed = (list: PodSpec['containers']): readonly { name: string; image: string }[] =>
    list.flatMap(({ name, image: has }) => {
      const image = images.get(name) ?? images.get('*');
      return image === undefined || image === has ? [] : [{ name, image }];
    });
  const patch = { containers: changed(containers), initContainers: changed(initContainers) };
  const used = Object.fromEntries(Object.entries(patch).filter(([, list]) => list.length > 0));
  if (Object.keys(used).length === 0) return undefined;
  return path.reduceRight<object>((value, field) => ({ [field]: value }), used);
}

export interface SetImageOptions extends ConnectionOptions, TargetOptions {}

export async function setImage(home: Home, words: readonly string[], options: SetImageOptions): Promise<void> {
  const { names, images } = splitImages(words);
  await withApi(home, options, async (connection) => {
    const { client } = connection;
    const targets = await findTargets(connection, new ResourceFinder(client), names, options);
    await forEach(targets, async (target) => {
      const body = decideImages(await client.get<KubeObject>(target.resource, target), images);
      if (body === undefined) return;
      await client.patch(target.resource, target, { type: 'strategic', body });
      process.stdout.write(`${targetName(target)} image updated\n`);
    });
  });
}
