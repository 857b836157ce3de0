/** `naru kustomize`: the manifests that a kustomization makes, on standard output. */
import { stringifyYaml } from '../../api/yaml.ts';
import { buildKustomization } from '../../kustomize/build.ts';

export async function kustomize(folder: string): Promise<void> {
  const { objects, notes } = await buildKustomization(folder);
  for (const note of notes) console.error(`note: ${note}`);
  const documents = objects.map(({ object }) => stringifyYaml(object).trimEnd());
  if (documents.length > 0) console.log(documents.join('\n---\n'));
}
