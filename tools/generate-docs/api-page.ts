/** Everything that the API serves from the start, out of its table. */
import { resourceTable } from '../../src/api/resource-table.ts';
import { apiVersionOf, type ResourceInfo } from '../../src/api/resources.ts';
import { code, codes, table } from './pages.ts';

export function apiPage(): string {
  const resources = resourceTable();
  const groups = resources.groups().map(({ group, versions }) => {
    const sections = versions.map((version) => groupVersion(resources.inGroupVersion(group, version)));
    return sections.join('\n');
  });
  return `# The API

What a cluster serves from the start, as its own table says. What CustomResourceDefinitions and APIServices add shows in \`naru api-resources\`, and
\`naru explain KIND\` or \`kubectl explain KIND\` tells the fields.

${groups.join('\n')}`;
}

function groupVersion(rows: readonly ResourceInfo[]): string {
  const [first] = rows;
  if (first === undefined) return '';
  const head = ['kind', 'resource', 'short names', 'in a namespace', 'subresources', ''];
  return `## ${apiVersionOf(first)}\n\n${table(head, rows.map(row))}\n`;
}

function row(info: ResourceInfo): readonly string[] {
  const { kind, resource, shortNames, namespaced, subresources } = info;
  const subs = codes(subresources.map(({ name }) => name));
  return [kind, code(resource), codes(shortNames), namespaced ? 'yes' : 'no', subs, remark(info)];
}

function remark({ deprecated, verbs, custom }: ResourceInfo): string {
  const remarks: string[] = [];
  if (deprecated !== undefined) {
    const { since, removedIn, replacement } = deprecated;
    remarks.push(
      `deprecated since ${since}${removedIn ? `, gone in ${removedIn}` : ''}${replacement ? `; use ${replacement}` : ''}`,
    );
  }
  if (!verbs.includes('list') && verbs.length > 0) remarks.push(`only ${verbs.join(', ')}`);
  if (custom) remarks.push('by a CustomResourceDefinition upstream');
  return remarks.join('; ');
}
