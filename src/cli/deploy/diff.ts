/** `naru diff`: what apply would change, as a unified diff of what is there and what would be; exit code 1 where they differ. */
import type { KubeObject } from '../../api/object.ts';
import { stringifyYaml } from '../../api/yaml.ts';
import { applyObject, existing, meaningOf } from '../../deploy/apply-object.ts';
import { inSteps } from '../../deploy/order.ts';
import { type Cluster, locate, shownName } from '../../deploy/target.ts';
import { unifiedDiff } from '../../deploy/text-diff.ts';
import type { Home } from '../../home.ts';
import { ManifestError, type SourceObject } from '../../manifests/source-object.ts';
import { type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { ExitError, exitCodes } from '../exit-code.ts';
import { styled } from '../terminal/terminal.ts';
import { clusterOf, type FileOptions, readFiles } from './read-files.ts';

export async function diff(home: Home, options: FileOptions & ConnectionOptions): Promise<void> {
  const objects = await readFiles(options);
  const differs = await withApi(home, options, async (connection) => {
    const cluster = clusterOf(connection);
    let found = false;
    for (const source of inSteps(objects).flat()) {
      const text = await difference(cluster, source, objects);
      if (text === '') continue;
      found = true;
      console.log(colored(text));
    }
    return found;
  });
  if (differs) throw new ExitError(exitCodes.failed);
}

async function difference(cluster: Cluster, source: SourceObject, all: readonly SourceObject[]): Promise<string> {
  const target = await locate(cluster, source);
  const before = await existing(cluster, target);
  const after = await wouldBe(cluster, source, all);
  const [was, willBe] = target.resource.kind === 'Secret' ? masked(before, after) : [before, after];
  const { namespace } = target.reference;
  const name = `${namespace === '' ? '' : `${namespace}/`}${shownName(target)}`;
  return unifiedDiff(textOf(was), textOf(willBe), `${name} (in the cluster)`, `${name} (${source.from})`);
}

/** What the server would make of it; an object for a namespace that is still to come is shown as the file has it. */
async function wouldBe(cluster: Cluster, source: SourceObject, all: readonly SourceObject[]): Promise<KubeObject> {
  const target = await locate(cluster, source);
  try {
    return (await applyObject(cluster, target, { dryRun: true, force: true })).object;
  } catch (error) {
    const { namespace } = target.reference;
    const isToCome = all.some(({ object }) => object.kind === 'Namespace' && object.metadata?.name === namespace);
    if (error instanceof ManifestError && isToCome) return source.object;
    throw error;
  }
}

function textOf(object: KubeObject | undefined): string {
  return object === undefined ? '' : stringifyYaml(meaningOf(object));
}

type Data = Readonly<Record<string, string>>;

/** Values are nobody's to read over a shoulder; that one changes is told. */
export function masked(before: KubeObject | undefined, after: KubeObject): [KubeObject | undefined, KubeObject] {
  const dataOf = (object: KubeObject | undefined): Data => {
    const { data, stringData } = (object ?? {}) as { readonly data?: Data; readonly stringData?: Data };
    return { ...data, ...stringData };
  };
  const hide = (own: Data, other: Data, when: string): Data =>
    Object.fromEntries(
      Object.keys(own).map((key) => [
        key,
        own[key] === other[key] || other[key] === undefined ? '***' : `*** (${when})`,
      ]),
    );
  const [was, willBe] = [dataOf(before), dataOf(after)];
  const shown = { ...withoutValues(after), data: hide(willBe, was, 'after') } as KubeObject;
  return [before && ({ ...withoutValues(before), data: hide(was, willBe, 'before') } as KubeObject), shown];
}

/** Without what names them beside `data`: kubectl notes a whole object in an annotation. */
function withoutValues(object: KubeObject): KubeObject {
  const { stringData: _, ...rest } = object as KubeObject & { readonly stringData?: unknown };
  const { annotations, ...metadata } = rest.metadata ?? {};
  const { [lastApplied]: _applied, ...others } = annotations ?? {};
  return { ...rest, metadata: { ...metadata, ...(annotations !== undefined && { annotations: others }) } };
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

function colored(text: string): string {
  const styles = { '+': 'green', '-': 'red', '@': 'cyan' } as const;
  return text
    .split('\n')
    .map((line) => {
      const style = styles[line[0] as keyof typeof styles];
      return style === undefined ? line : styled(style, line);
    })
    .join('\n');
}
