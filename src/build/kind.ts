/** How a folder becomes an image: found out from what is in it. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ImageRecipe } from '../deploy/application.ts';
import { findBuilder } from './dockerfile/builder.ts';

export type BuildKind = 'node' | 'dockerfile' | 'debian';

/**
 * A Dockerfile says it best, where a program is installed that can follow it. Without one, a package.json will do, if nobody asked for the Dockerfile by name.
 * @throws Error that says what is missing
 */
export async function kindOf(recipe: ImageRecipe): Promise<BuildKind> {
  if (recipe.debian !== undefined) return 'debian';
  const { context, dockerfile, target } = recipe;
  if (dockerfile !== undefined || target !== undefined) return 'dockerfile';
  const [hasDockerfile, hasPackage] = await Promise.all([has(context, 'Dockerfile'), has(context, 'package.json')]);
  if (hasDockerfile && (!hasPackage || (await findBuilder()) !== undefined)) return 'dockerfile';
  if (hasPackage) return 'node';
  if (!(await isFolder(context))) throw new Error(`there is no folder ${context}`);
  throw new Error(`${context} has neither a package.json (a Node.js application) nor a Dockerfile`);
}

const has = (folder: string, name: string): Promise<boolean> =>
  stat(path.join(folder, name)).then(
    (facts) => facts.isFile(),
    () => false,
  );

const isFolder = (folder: string): Promise<boolean> =>
  stat(folder).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
