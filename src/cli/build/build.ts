/** `naru build`: one image from one folder, into the running node or into a file. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { type BuildOptions, buildArchive } from '../../build/build.ts';
import { kindOf } from '../../build/kind.ts';
import { readPackageFile } from '../../build/node/package-file.ts';
import { makeWorkFolder } from '../../build/work-folder.ts';
import type { ImageRecipe } from '../../deploy/application.ts';
import type { Home } from '../../home.ts';
import type { WrittenImage } from '../../images/archive-writer.ts';
import { parseReference } from '../../images/reference.ts';
import { RealClock } from '../../lib/clock.ts';
import { UserError } from '../user-error.ts';
import { nodeImages } from './node-images.ts';

export interface BuildCommandOptions {
  readonly name?: string;
  readonly output?: string;
  readonly base?: string;
  readonly port?: number;
  readonly file?: string;
  readonly target?: string;
  readonly buildArg?: readonly string[];
}

export async function build(home: Home, folder: string, options: BuildCommandOptions): Promise<void> {
  const clock = new RealClock({ keepsAlive: true });
  const startMs = clock.monotonic();
  const recipe = recipeOf(path.resolve(folder), options);
  const kind = await kindOf(recipe);
  const name = options.name ?? (await usualName(recipe, kind === 'node'));
  parseReference(name);
  if (kind !== 'node' && (options.base !== undefined || options.port !== undefined)) {
    throw new UserError('--base and --port are for Node.js applications; a Dockerfile says such things itself');
  }
  // Before minutes of work, and not after.
  const store = options.output === undefined ? nodeImages(home) : undefined;
  const work = await makeWorkFolder(home.build);
  try {
    const base =
      options.base === undefined
        ? undefined
        : await (await import('./base-image.ts')).readBase(home, options.base, work);
    const common: BuildOptions = {
      cache: home.build,
      clock,
      say: (line) => console.log(line),
      ...(options.port !== undefined && { port: options.port }),
      ...(base !== undefined && { base }),
    };
    const archive = options.output === undefined ? path.join(work, 'image.tar') : path.resolve(options.output);
    console.log(`building ${name} from ${recipe.context}`);
    const { image, notes } = await buildArchive(recipe, name, archive, common);
    for (const note of notes) console.log(`  note: ${note}`);
    if (image !== undefined) sayLayers(image);
    const seconds = (): string => ((clock.monotonic() - startMs) / 1000).toFixed(1);
    if (store === undefined) {
      console.log(`wrote ${options.output} after ${seconds()} s`);
      return;
    }
    for (const one of await store.add(archive)) console.log(`imported ${one} after ${seconds()} s`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function recipeOf(context: string, options: BuildCommandOptions): ImageRecipe {
  const given = options.buildArg?.map(variable);
  return {
    name: '',
    context,
    ...(options.file !== undefined && { dockerfile: path.resolve(options.file) }),
    ...(options.target !== undefined && { target: options.target }),
    ...(given !== undefined && { arguments: Object.fromEntries(given) }),
  };
}

function variable(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new UserError(`--build-arg takes NAME=VALUE, and got ${text}`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** `@team/web` of version 1.2.0 is `team/web:1.2.0`; without a package the folder gives its name. */
async function usualName({ context }: ImageRecipe, isNode: boolean): Promise<string> {
  const file = isNode ? await readPackageFile(context) : undefined;
  const name = (file?.name ?? path.basename(context)).toLowerCase().replace(/^@/, '');
  const tag = file?.version?.replace(/[^\w.-]/g, '-') ?? 'latest';
  const repository = name.replace(/[^a-z0-9/._-]+/g, '-').replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  if (repository === '') throw new UserError('say how the image is to be called: --name NAME');
  return `${repository}:${tag}`;
}

function sayLayers({ manifestDigest, layers }: WrittenImage): void {
  const sizes = layers.map(({ sizeBytes }) => `${(sizeBytes / 2 ** 20).toFixed(1)} MiB`);
  console.log(`  ${manifestDigest}, layers of ${sizes.join(', ')}`);
}
