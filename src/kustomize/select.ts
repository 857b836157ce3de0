/** Which objects a patch or replacement is for: by regular expressions over group, version, kind, name and namespace, and by labels. */
import { parseLabelSelector } from '../api/selector.ts';
import { compile } from '../lib/re2/program.ts';
import { Tester } from '../lib/re2/tester.ts';
import { isRecord } from '../manifests/parse.ts';
import { ManifestError } from '../manifests/source-object.ts';
import type { Selector } from './kustomization.ts';
import { type Id, type Resource, text } from './resource.ts';

type Test = (text: string) => boolean;

/** What is not named is any. Patterns are RE2 and hold for the whole text. @throws ManifestError */
export function selects(selector: Selector, where: string): (resource: Resource) => boolean {
  const patterns = (['group', 'version', 'kind', 'name', 'namespace'] as const).map(
    (field): readonly [keyof Id, Test] => [field, wholeMatch(selector[field], `${where}, ${field}`)],
  );
  const labels = textMatch(selector.labelSelector, 'labels', `${where}, labelSelector`);
  const annotations = textMatch(selector.annotationSelector, 'annotations', `${where}, annotationSelector`);
  return (resource) =>
    resource.ids.some((id) =>
      patterns.every(([field, test]) => test(field === 'namespace' ? spaceOf(id, selector) : id[field])),
    ) &&
    labels(resource) &&
    annotations(resource);
}

/** An object without a namespace is in `default`, where somebody asks for that. */
const spaceOf = (id: Id, selector: Selector): string =>
  id.namespace === '' && selector.namespace === 'default' ? 'default' : id.namespace;

function wholeMatch(pattern: string | undefined, where: string): Test {
  if (pattern === undefined || pattern === '') return () => true;
  if (/^[\w.-]*$/.test(pattern) && !pattern.includes('.')) return (value) => value === pattern;
  try {
    const tester = new Tester(compile(`^(?:${pattern})$`));
    return (value) => tester.test(value);
  } catch (error) {
    throw new ManifestError(`${where}: "${pattern}" is no regular expression (${(error as Error).message})`, {
      cause: error,
    });
  }
}

function textMatch(
  selector: string | undefined,
  field: 'labels' | 'annotations',
  where: string,
): (resource: Resource) => boolean {
  if (selector === undefined || selector === '') return () => true;
  try {
    const matcher = parseLabelSelector(selector);
    return ({ metadata }) => {
      const texts = metadata[field];
      return matcher.matches(isRecord(texts) ? mapTexts(texts) : {});
    };
  } catch (error) {
    throw new ManifestError(`${where}: "${selector}" cannot be read (${(error as Error).message})`, { cause: error });
  }
}

const mapTexts = (map: object): Record<string, string> =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, text(value)]));
