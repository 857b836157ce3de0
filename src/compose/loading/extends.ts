/** `extends`: a service below another one, of this file or a further one, as often as that extends something itself. */
import { ManifestError } from '../../manifests/source-object.ts';
import { mergeServices } from './merge.ts';
import { isMap, Mark, mapEntries, mapOf, type Tree, type TreeMap, textOf } from './tree.ts';

export interface ExtendsContext {
  /** Absolute. */
  readonly file: string;
  readonly directory: string;
  readonly shown: (file: string) => string;
  /** A service that can be extended without naming a file. */
  readonly serviceOf: (name: string) => Tree | undefined;
  /** Another file, in canonical form. */
  readonly open: (file: string) => Promise<TreeMap>;
}

/** @throws ManifestError where the service is not there, or extends itself */
export async function resolveExtends(tree: TreeMap, context: ExtendsContext): Promise<TreeMap> {
  const services = mapOf(tree['services']);
  const resolved: Record<string, Tree> = {};
  for (const [name, service] of Object.entries(services)) {
    resolved[name] = service instanceof Mark ? service : await extended(mapOf(service), name, context, []);
  }
  return Object.keys(services).length === 0 ? tree : { ...tree, services: resolved };
}

async function extended(
  service: TreeMap,
  name: string,
  context: ExtendsContext,
  chain: readonly string[],
): Promise<TreeMap> {
  const { extends: link, ...own } = service;
  if (!isMap(link)) return own;
  const here = `${context.file}#${name}`;
  if (chain.includes(here)) {
    const round = [...chain, here].map((each) => each.split('#')[1]).join(' -> ');
    throw new ManifestError(
      `${context.shown(context.file)}: services.${name}.extends goes round in a circle: ${round}`,
    );
  }
  const { service: baseName, file } = link;
  const base = typeof file === 'string' && file !== context.file ? await otherFile(file, context) : context;
  const found = base.serviceOf(textOf(baseName));
  if (found === undefined) {
    throw new ManifestError(
      `${context.shown(context.file)}: services.${name}.extends: there is no service ${textOf(baseName)} in ${context.shown(base.file)}`,
    );
  }
  const below = await extended(mapOf(found), textOf(baseName), base, [...chain, here]);
  return mergeServices(withoutNested(below), own);
}

async function otherFile(file: string, context: ExtendsContext): Promise<ExtendsContext> {
  const tree = await context.open(file);
  return { ...context, file, serviceOf: (name) => mapOf(tree['services'])[name] };
}

/** Marks of the base have nothing left to act on. */
function withoutNested(service: TreeMap): TreeMap {
  return mapEntries(service, (value) => {
    if (!(value instanceof Mark)) return value;
    return value.kind === 'reset' ? undefined : value.value;
  });
}
