/** `naru why`: the cause in words, the chain that leads to it, what says so, and what to do. */
import type { KubeObject } from '../../api/object.ts';
import { type Explanation, explain, explainAll, newInquiry } from '../../explain/explain.ts';
import type { Inquiry } from '../../explain/inquiry.ts';
import { watchedInCluster, watchedInNamespace } from '../../explain/rules.ts';
import { listed } from '../../explain/words.ts';
import type { Home } from '../../home.ts';
import { nearest } from '../../lib/near-words.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { parseObjectWords } from '../cluster/object-names.ts';
import type { FoundResource, ResourceFinder } from '../cluster/resource-finder.ts';
import { UsageError } from '../exit-code.ts';
import { UserError } from '../user-error.ts';
import { viewOf } from './cluster.ts';
import { explanationLines, surveyLines, unseenLine } from './why-lines.ts';

export interface WhyOptions extends ConnectionOptions {
  readonly allNamespaces?: boolean;
  readonly warnings?: boolean;
  readonly output?: 'json';
}

export async function why(home: Home, words: readonly string[], options: WhyOptions): Promise<void> {
  if (words.length > 0 && options.allNamespaces === true) {
    throw new UsageError('an object is in one namespace: name it with -n, and leave out -A');
  }
  await withApi(home, options, (connection) =>
    words.length === 0 ? whyAll(connection, options) : whyObjects(connection, words, options),
  );
}

async function whyAll(connection: Connection, options: WhyOptions): Promise<void> {
  const { look } = viewOf(connection);
  const namespace = options.allNamespaces === true ? undefined : connection.namespace;
  const survey = await explainAll(newInquiry(look), namespace, { warnings: options.warnings === true });
  const unseen = [...look.unseen];
  if (options.output === 'json') print({ ...(namespace !== undefined && { namespace }), ...survey, unseen });
  else say([...surveyLines(survey, namespace, unseen.length > 0), ...unseenLine(unseen)]);
}

async function whyObjects(connection: Connection, words: readonly string[], options: WhyOptions): Promise<void> {
  const { look, finder } = viewOf(connection);
  const inquiry = newInquiry(look);
  const objects = await named(connection, finder, inquiry, words);
  const explanations: Explanation[] = [];
  for (const object of objects) explanations.push(await explain(object, inquiry));
  const unseen = [...look.unseen];
  if (options.output === 'json') return print({ explanations, count: objects.length, unseen });
  const blocks = explanations.map((one) => explanationLines(one));
  say([...blocks.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines])), ...unseenLine(unseen)]);
}

/** TYPE/NAME, TYPE NAME, a TYPE for all of its objects, or a NAME alone where only one thing can be meant. */
async function named(
  { namespace }: Connection,
  finder: ResourceFinder,
  inquiry: Inquiry,
  words: readonly string[],
): Promise<readonly KubeObject[]> {
  const parsed = parseObjectWords(words);
  if (parsed.kind === 'objects') {
    const objects: KubeObject[] = [];
    for (const { type, name } of parsed.objects)
      objects.push(await oneObject(await finder.byName(type), name, namespace, inquiry));
    return objects;
  }
  const [word = ''] = parsed.types;
  const byName = parsed.types.length === 1 ? await guessed(word, namespace, inquiry) : undefined;
  if (byName !== undefined) return [byName];
  const resources = (await Promise.all(parsed.types.map((type) => finder.byNameOrCategory(type)))).flat();
  const objects: KubeObject[] = [];
  for (const resource of resources)
    objects.push(...(await inquiry.look.list(resource, resource.namespaced ? namespace : undefined)));
  if (objects.length === 0) throw new UserError(`there are no ${listed(parsed.types)} in namespace ${namespace}`);
  return objects;
}

async function guessed(name: string, namespace: string, { look }: Inquiry): Promise<KubeObject | undefined> {
  for (const resource of [...watchedInNamespace, ...watchedInCluster]) {
    const found = await look.get<KubeObject>(resource, { namespace: resource.namespaced ? namespace : '', name });
    if (found !== undefined) return found;
  }
  return undefined;
}

async function oneObject(
  resource: FoundResource,
  name: string,
  namespace: string,
  { look }: Inquiry,
): Promise<KubeObject> {
  const within = resource.namespaced ? namespace : '';
  const found = await look.get<KubeObject>(resource, { namespace: within, name });
  if (found !== undefined) return found;
  const kind = resource.singular || resource.kind.toLowerCase();
  const place = within === '' ? 'in this cluster' : `in namespace ${within}`;
  if (look.unseen.has(resource.resource)) {
    throw new UserError(
      `you may not look at the ${kind} "${name}" ${place}; an administrator can give you the role view there`,
    );
  }
  const names = (await look.list(resource, within === '' ? undefined : within)).map(
    ({ metadata }) => metadata?.name ?? '',
  );
  const near = nearest(name, names) ?? names.find((one) => one.startsWith(name));
  const hint =
    near === undefined
      ? `; there are ${names.length === 0 ? 'none' : listed(names, 6)}`
      : `; did you mean ${kind}/${near}?`;
  throw new UserError(`there is no ${kind} "${name}" ${place}${hint}`);
}

function say(lines: readonly string[]): void {
  console.log(lines.join('\n'));
}

function print(value: object): void {
  console.log(JSON.stringify(value, undefined, 2));
}
