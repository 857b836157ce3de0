/** From a recipe to an image's archive: each kind of source has a folder of its own. */
import type { ImageRecipe } from '../deploy/application.ts';
import type { ImageConfig, MadeLayer, WrittenImage } from '../images/archive-writer.ts';
import type { Clock } from '../lib/clock.ts';
import { kindOf } from './kind.ts';

export interface BuildOptions {
  /** What makes the next build quick lies here: layers, packages. It may be removed at any time. */
  readonly cache: string;
  readonly say: (line: string) => void;
  readonly clock: Clock;
  /** Of a Node.js application: what it listens on; 8080 where absent. */
  readonly port?: number;
  /** Of a Node.js application: in place of this machine's Node.js. */
  readonly base?: BaseImage;
}

/** An image that others are built on. */
export interface BaseImage {
  readonly config: ImageConfig;
  readonly layers: readonly MadeLayer[];
  readonly notes: readonly string[];
}

export interface BuiltImage {
  /** What is known of it: programs that build by a Dockerfile tell less. */
  readonly image?: WrittenImage;
  /** What the user should know. */
  readonly notes: readonly string[];
}

/** Writes `archive`. @throws Error that says what is wrong with the source or the machine, and what to do */
export async function buildArchive(
  recipe: ImageRecipe,
  name: string,
  archive: string,
  options: BuildOptions,
): Promise<BuiltImage> {
  switch (await kindOf(recipe)) {
    case 'debian':
      return (await import('./debian/build-debian.ts')).buildDebian(recipe, name, archive, options);
    case 'dockerfile':
      return (await import('./dockerfile/build-dockerfile.ts')).buildDockerfile(recipe, name, archive, options);
    case 'node':
      return (await import('./node/build-node.ts')).buildNode(recipe.context, name, archive, options);
  }
}
