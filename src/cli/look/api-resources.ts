/** `naru api-resources` and `naru api-versions`: what this cluster serves. */
import process from 'node:process';
import type { Home } from '../../home.ts';
import { type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { type FoundResource, ResourceFinder } from '../cluster/resource-finder.ts';
import { UsageError } from '../exit-code.ts';
import { tableText } from '../terminal/table.ts';
import { showsColours } from '../terminal/terminal.ts';

export interface ApiResourcesOptions extends ConnectionOptions {
  readonly apiGroup?: string;
  readonly namespaced?: string;
  readonly categories?: string;
  readonly verbs?: string;
  readonly output?: string;
  /** `--no-headers`. */
  readonly headers?: boolean;
}

const outputs = ['wide', 'name'];

export async function apiResources(home: Home, options: ApiResourcesOptions): Promise<void> {
  const { output } = options;
  if (output !== undefined && !outputs.includes(output)) {
    throw new UsageError(`there is no output format "${output}"; there are ${outputs.join(' and ')}`);
  }
  if (options.namespaced !== undefined && !['true', 'false'].includes(options.namespaced)) {
    throw new UsageError('--namespaced is true or false');
  }
  const all = await withApi(home, options, ({ client }) => new ResourceFinder(client).all());
  const shown = all.filter((resource) => resource.preferred && matches(resource, options));
  process.stdout.write(output === 'name' ? names(shown) : `${table(shown, output === 'wide', options)}\n`);
}

function matches(resource: FoundResource, { apiGroup, namespaced, categories, verbs }: ApiResourcesOptions): boolean {
  const hasAll = (wanted: string | undefined, has: readonly string[]): boolean =>
    wanted === undefined || wanted.split(',').every((each) => has.includes(each));
  return (
    (apiGroup === undefined || resource.group === apiGroup) &&
    (namespaced === undefined || resource.namespaced === (namespaced === 'true')) &&
    hasAll(categories, resource.categories) &&
    hasAll(verbs, resource.verbs)
  );
}

const names = (resources: readonly FoundResource[]): string =>
  resources.map(({ resource, group }) => `${resource}${group === '' ? '' : `.${group}`}\n`).join('');

function table(resources: readonly FoundResource[], wide: boolean, { headers }: ApiResourcesOptions): string {
  const columns = ['NAME', 'SHORTNAMES', 'APIVERSION', 'NAMESPACED', 'KIND', ...(wide ? ['VERBS', 'CATEGORIES'] : [])];
  const rows = resources.map((each) => [
    each.resource,
    each.shortNames.join(','),
    each.group === '' ? each.version : `${each.group}/${each.version}`,
    String(each.namespaced),
    each.kind,
    ...(wide ? [each.verbs.join(','), each.categories.join(',')] : []),
  ]);
  return tableText(columns, rows, { header: headers !== false, coloured: showsColours() });
}

export async function apiVersions(home: Home, options: ConnectionOptions): Promise<void> {
  const all = await withApi(home, options, ({ client }) => new ResourceFinder(client).all());
  const versions = new Set(all.map(({ group, version }) => (group === '' ? version : `${group}/${version}`)));
  process.stdout.write(
    [...versions]
      .toSorted()
      .map((version) => `${version}\n`)
      .join(''),
  );
}
