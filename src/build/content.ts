/**
 * What an image is made of, as one hash: the recipe, the files of its folder, and what the house adds (its runtime, the way it builds). Equal hashes mean that
 * there is nothing to build. Packages of Debian count by name: newer ones come in when the recipe changes or the image was removed.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { ImageRecipe } from '../deploy/application.ts';
import { contextFiles, rulesOf } from './context.ts';
import { kindOf } from './kind.ts';

/** Counted up when the same source makes another image than before. */
const builderVersion = 1;

/** Hex digits. @throws Error where the folder cannot be read */
export async function contentOf(recipe: ImageRecipe): Promise<string> {
  const { name: _name, context, ...rest } = recipe;
  const kind = await kindOf(recipe);
  const hash = createHash('sha256');
  const runtime = kind === 'node' ? process.version : '';
  hash.update(
    JSON.stringify([builderVersion, kind, runtime, process.arch, process.env['SOURCE_DATE_EPOCH'] ?? '', rest]),
  );
  if (kind !== 'debian') await addFiles(hash, context, kind === 'node');
  return hash.digest('hex');
}

async function addFiles(hash: Hash, folder: string, isNode: boolean): Promise<void> {
  for (const file of await contextFiles(folder, await rulesOf(folder, isNode))) {
    hash.update(`\n${JSON.stringify(file)}`);
    if (file.type !== 'file') continue;
    for await (const chunk of createReadStream(path.join(folder, file.path))) hash.update(chunk as Buffer);
  }
}
