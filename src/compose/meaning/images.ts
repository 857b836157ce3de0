/**
 * What is built. An image without a name of its own is called `PROJECT/SERVICE:build-HASH` after a hash of all that it is made from: changed
 * sources make another image, and so a rollout, and unchanged ones cost nothing.
 */
import type { ImageRecipe } from '../../deploy/application.ts';
import { ManifestError } from '../../manifests/source-object.ts';
import { isAddress } from '../loading/paths.ts';
import type { Translation } from './translation.ts';

export function imageOf(name: string, translation: Translation): string {
  const { image, build } = translation.service(name);
  if (image !== undefined) return image;
  if (build === undefined) throw new ManifestError(`${translation.where(`services.${name}`)} needs image or build`);
  const hash = translation.surroundings.sources.get(name) ?? 'source';
  return `${repositoryPart(translation.project.name)}/${repositoryPart(name)}:build-${hash}`;
}

/** As image references are written: separators stand between letters and digits. */
const repositoryPart = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, (run) => (/^[._-]$/.test(run) ? run : '-'))
    .replace(/^[._-]+|[._-]+$/g, '') || 'service';

export function recipesOf(translation: Translation): ImageRecipe[] {
  const recipes = new Map<string, ImageRecipe>();
  for (const [name, { build, image }] of translation.project.services) {
    if (build === undefined) continue;
    const place = `services.${name}.build`;
    if (isAddress(build.context)) {
      if (image === undefined)
        throw new ManifestError(
          `${translation.where(place)}: ${build.context} is not fetched; clone it, or name an image`,
        );
      translation.note(place, `${build.context} is not fetched: the image ${image} must be there`);
      continue;
    }
    // What it is made from would not be what the file says; the table of keys tells.
    if (build.dockerfile_inline !== undefined) continue;
    const made = imageOf(name, translation);
    recipes.set(made, {
      name: made,
      context: build.context,
      ...(build.dockerfile !== undefined && { dockerfile: build.dockerfile }),
      ...(build.target !== undefined && { target: build.target }),
      ...(build.args !== undefined && { arguments: argumentsOf(build.args, translation) }),
    });
  }
  return [...recipes.values()];
}

/** An argument without a value is the shell's. */
function argumentsOf(args: Readonly<Record<string, string | null>>, { project }: Translation): Record<string, string> {
  return Object.fromEntries(
    Object.entries(args).flatMap(([name, value]) => {
      const known = value ?? project.environment[name];
      return known === undefined ? [] : [[name, known]];
    }),
  );
}
