/**
 * What the benchmark installs: a small definition whose objects are created, and a heavy one that is repeated under other names. The heavy one
 * is of the size and shape of the largest in common use (Argo CD's ApplicationSet: 350 KB, generators within generators, each with a template).
 * `NARU_BENCH_DEFINITION` names a file with others instead: the largest in it is taken.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseAllDocuments } from 'yaml';
import type { JsonObject } from '../../src/api/object.ts';
import type { JSONSchemaProps } from '../../src/api/schema/types/apiextensions-v1.ts';

const text: JSONSchemaProps = { type: 'string' };
const object = (properties: Record<string, JSONSchemaProps>, required: readonly string[] = []): JSONSchemaProps => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
});
const list = (items: JSONSchemaProps): JSONSchemaProps => ({ type: 'array', items });
const map: JSONSchemaProps = { type: 'object', additionalProperties: text };

function fields(prefix: string, count: number, schema: JSONSchemaProps): Record<string, JSONSchemaProps> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, schema]));
}

const parameter = object({ name: text, value: text, forceString: { type: 'boolean' } }, ['name']);

function source(): JSONSchemaProps {
  return object(
    {
      repository: text,
      revision: text,
      ...Object.fromEntries(
        Array.from({ length: 6 }, (_, index) => [
          `tool${index}`,
          object({ ...fields('setting', 18, text), parameters: list(parameter), values: map, flags: list(text) }),
        ]),
      ),
      free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
    ['repository'],
  );
}

function template(): JSONSchemaProps {
  return object({
    metadata: object({ annotations: map, labels: map, finalizers: list(text), name: text, namespace: text }),
    spec: object({ source: source(), sources: list(source()), destination: object(fields('place', 4, text)) }, [
      'source',
    ]),
  });
}

function generators(depth: number): JSONSchemaProps {
  const kinds = Object.fromEntries(
    Array.from({ length: 9 }, (_, index) => [
      `generator${index}`,
      object({ template: template(), selector: object({ matchLabels: map }), values: map, ...fields('wish', 8, text) }),
    ]),
  );
  return list(object(depth === 0 ? kinds : { ...kinds, matrix: object({ generators: generators(depth - 1) }) }));
}

const heavySchema = (): JSONSchemaProps =>
  object({ metadata: { type: 'object' }, spec: object({ generators: generators(2), template: template() }) }, ['spec']);

interface Definition extends JsonObject {
  readonly spec: JsonObject & { readonly versions: JsonObject[] };
}

function definition(group: string, kind: string, schema: JSONSchemaProps): Definition {
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } };
  return renamed({ spec: { scope: 'Namespaced', versions: [version] } } as unknown as Definition, group, kind);
}

/** The same under another name. */
function renamed({ spec }: Definition, group: string, kind: string): Definition {
  const plural = `${kind.toLowerCase()}s`;
  const names = { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: { ...spec, group, names },
  };
}

function largestIn(file: string): Definition {
  const documents = parseAllDocuments(readFileSync(file, 'utf8')).map((each) => each.toJS() as JsonObject | null);
  const sizeOf = (value: unknown): number => JSON.stringify(value).length;
  const found = documents
    .filter((each) => each?.['kind'] === 'CustomResourceDefinition')
    .toSorted((left, right) => sizeOf(right) - sizeOf(left))[0];
  if (found === undefined) throw new Error(`${file} holds no CustomResourceDefinition`);
  return found as Definition;
}

/** Of a group each, as operators bring them. */
export function heavyDefinitions(): (index: number) => Buffer {
  const file = process.env['NARU_BENCH_DEFINITION'];
  const heavy = file === undefined ? definition('example.com', 'Heavy', heavySchema()) : largestIn(file);
  return (index) => body(renamed(heavy, `group${index}.example.com`, `Heavy${index}`));
}

const restrained = (maxLength: number): JSONSchemaProps => ({ type: 'string', minLength: 1, maxLength });

/** Checked as operators' kinds are: lengths, patterns, enums, lists by key. */
export function websiteDefinition(): Buffer {
  const page = object({ path: { ...restrained(200), pattern: '^/' }, title: restrained(100), body: text }, ['path']);
  const spec = object(
    {
      host: { ...restrained(253), pattern: '^[a-z0-9.-]+$' },
      replicas: { type: 'integer', minimum: 0, maximum: 100, default: 1 },
      policy: { type: 'string', enum: ['Always', 'Never'], default: 'Always' },
      labels: map,
      pages: { ...list(page), 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['path'] },
    },
    ['host'],
  );
  return body(definition('bench.example.com', 'Website', object({ spec })));
}

const pages = Array.from({ length: 10 }, (_, index) => ({
  path: `/page-${index}`,
  title: `Page ${index}`,
  body: 'What the page says. '.repeat(6),
}));

export function websiteBody(name: string): Buffer {
  const labels = { team: 'web', tier: 'front' };
  return body({
    apiVersion: 'bench.example.com/v1',
    kind: 'Website',
    metadata: { name, namespace: 'default' },
    spec: { host: 'www.example.com', replicas: 2, policy: 'Always', labels, pages },
  });
}

/** As many bytes as a website, in as many texts. */
export function configMapBody(name: string): Buffer {
  const data = Object.fromEntries(
    pages.map(({ path, title, body: content }) => [path.slice(1), `${title} ${path} ${content}`]),
  );
  const filled = { ...data, settings: 'x'.repeat(200) };
  return body({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: filled });
}

function body(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
