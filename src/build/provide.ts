/**
 * Sees to it that the images of an application are on this machine. An image is named by the content that it is made of, so what is there already
 * is neither built nor imported again, and changed content is a new name: `nameImages` puts those names into the objects.
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { ImageRecipe } from '../deploy/application.ts';
import { Slots } from '../lib/slots.ts';
import { type BuildOptions, buildArchive } from './build.ts';
import { contentOf } from './content.ts';
import type { ImageStore } from './image-store.ts';
import { makeWorkFolder } from './work-folder.ts';

export interface ProvideOptions extends BuildOptions {
  readonly store: ImageStore;
}

/** By the name of each recipe, the one that pods are to use. @throws Error that says which image cannot be made, why, and what to do */
export async function provideImages(
  recipes: readonly ImageRecipe[],
  options: ProvideOptions,
): Promise<ReadonlyMap<string, string>> {
  const slots = new Slots(buildsAtOnceMax);
  const stop = new AbortController();
  const builds = recipes.map((recipe) =>
    slots
      .run(stop.signal, async () => [recipe.name, await provide(recipe, options)] as const)
      .catch((error: Error) => {
        // Those that wait do not begin; those that have begun clean up after themselves.
        stop.abort(error);
        throw new Error(`the image ${recipe.name} cannot be made: ${error.message}`, { cause: error });
      }),
  );
  const ended = await Promise.allSettled(builds);
  const failed = ended.find((end) => end.status === 'rejected' && (end.reason as Error).cause === stop.signal.reason);
  if (failed?.status === 'rejected') throw failed.reason;
  return new Map(ended.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : [])));
}

/** npm, apt and tar wait for the network and the disk in turn: two of them are done sooner than one after the other. */
const buildsAtOnceMax = 2;

async function provide(recipe: ImageRecipe, options: ProvideOptions): Promise<string> {
  const name = contentName(recipe.name, await contentOf(recipe));
  if (await options.store.has(name)) return name;
  options.say(`building the image ${recipe.name}`);
  const folder = await makeWorkFolder(options.cache);
  try {
    const archive = path.join(folder, 'image.tar');
    // Two are built at once: each line says of which one it is.
    const say = (line: string): void => options.say(`  ${recipe.name}: ${line.trimStart()}`);
    const startMs = options.clock.monotonic();
    const { notes } = await buildArchive(recipe, name, archive, { ...options, say });
    for (const note of notes) say(note);
    await options.store.add(archive, recipe.name);
    say(`built and imported, after ${((options.clock.monotonic() - startMs) / 1000).toFixed(1)} s`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return name;
}

const tagLengthMax = 128;

/** `shop/web:1` and its content as `shop/web:1-5f2c9e03a1b7`. */
export function contentName(name: string, content: string): string {
  const suffix = `-${content.slice(0, 12)}`;
  const [, repository = name, tag = 'latest'] = /^(.*?)(?::([\w][\w.-]*))?$/s.exec(name) ?? [];
  return `${repository}:${tag.slice(0, tagLengthMax - suffix.length)}${suffix}`;
}
