/** Rules that Kubernetes' documentation shows, each with a value that keeps it and one that does not ("CustomResourceDefinition validation rules"). */
import type { JsonValue } from '../../../api/object.ts';
import type { JSONSchemaProps } from '../../../api/schema/types/apiextensions-v1.ts';

export interface DocumentedRule {
  readonly rule: string;
  readonly schema: JSONSchemaProps;
  readonly keeps: JsonValue;
  readonly breaks: JsonValue;
  /** Of an update. */
  readonly old?: JsonValue;
}

const string = { type: 'string' } as const;
const integer = { type: 'integer' } as const;
const number = { type: 'number' } as const;
const object = (properties: Record<string, JSONSchemaProps>): JSONSchemaProps => ({ type: 'object', properties });
const list = (items: JSONSchemaProps, more: object = {}): JSONSchemaProps => ({ type: 'array', items, ...more });
const map = (additionalProperties: JSONSchemaProps): JSONSchemaProps => ({ type: 'object', additionalProperties });
const keyedBy = (...keys: readonly string[]): object => ({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
});
const set = { 'x-kubernetes-list-type': 'set' };

export const documentedRules: readonly DocumentedRule[] = [
  {
    rule: 'self.minReplicas <= self.replicas && self.replicas <= self.maxReplicas',
    schema: object({ minReplicas: integer, replicas: integer, maxReplicas: integer }),
    keeps: { minReplicas: 0, replicas: 2, maxReplicas: 2 },
    breaks: { minReplicas: 0, replicas: 20, maxReplicas: 10 },
  },
  {
    rule: "'Available' in self.stateCounts",
    schema: object({ stateCounts: map(integer) }),
    keeps: { stateCounts: { Available: 1 } },
    breaks: { stateCounts: { Gone: 1 } },
  },
  {
    rule: '(self.list1.size() == 0) != (self.list2.size() == 0)',
    schema: object({ list1: list(string), list2: list(string) }),
    keeps: { list1: ['a'], list2: [] },
    breaks: { list1: ['a'], list2: ['b'] },
  },
  {
    rule: "self.envars.filter(e, e.name == 'MY_ENV').all(e, e.value.matches('^[a-zA-Z]*$'))",
    schema: object({ envars: list(object({ name: string, value: string }), keyedBy('name')) }),
    keeps: {
      envars: [
        { name: 'MY_ENV', value: 'abc' },
        { name: 'OTHER', value: '1' },
      ],
    },
    breaks: { envars: [{ name: 'MY_ENV', value: 'a1' }] },
  },
  {
    rule: 'has(self.expired) && self.created + self.ttl < self.expired',
    schema: object({
      created: { ...string, format: 'date-time' },
      expired: { ...string, format: 'date-time' },
      ttl: { ...string, format: 'duration' },
    }),
    keeps: { created: '2024-01-01T00:00:00Z', ttl: '1h', expired: '2024-01-01T02:00:00Z' },
    breaks: { created: '2024-01-01T00:00:00Z', ttl: '3h', expired: '2024-01-01T02:00:00Z' },
  },
  {
    rule: "self.health.startsWith('ok')",
    schema: object({ health: string }),
    keeps: { health: 'okay' },
    breaks: { health: 'bad' },
  },
  {
    rule: "self.widgets.exists(w, w.key == 'x' && w.foo < 10)",
    schema: object({ widgets: list(object({ key: string, foo: integer }), keyedBy('key')) }),
    keeps: {
      widgets: [
        { key: 'y', foo: 20 },
        { key: 'x', foo: 5 },
      ],
    },
    breaks: { widgets: [{ key: 'x', foo: 10 }] },
  },
  {
    rule: "type(self.size) == string ? self.size == '99%' : self.size == 42",
    schema: object({ size: { 'x-kubernetes-int-or-string': true } }),
    keeps: { size: '99%' },
    breaks: { size: 41 },
  },
  {
    rule: 'self.metadata.name == "singleton"',
    schema: object({}),
    keeps: { metadata: { name: 'singleton' } },
    breaks: { metadata: { name: 'other' } },
  },
  {
    rule: 'self.set1.all(e, !(e in self.set2))',
    schema: object({ set1: list(string, set), set2: list(string, set) }),
    keeps: { set1: ['a', 'b'], set2: ['c'] },
    breaks: { set1: ['a', 'b'], set2: ['b'] },
  },
  {
    rule: 'size(self.names) == size(self.details) && self.names.all(n, n in self.details)',
    schema: object({ names: list(string, set), details: map(string) }),
    keeps: { names: ['a'], details: { a: 'x' } },
    breaks: { names: ['a'], details: { b: 'x' } },
  },
  {
    rule: 'size(self.clusters.filter(c, c.name == self.primary)) == 1',
    schema: object({ clusters: list(object({ name: string }), keyedBy('name')), primary: string }),
    keeps: { clusters: [{ name: 'a' }, { name: 'b' }], primary: 'b' },
    breaks: { clusters: [{ name: 'a' }], primary: 'b' },
  },
  {
    rule: 'self.set1 == self.set2',
    schema: object({ set1: list(string, set), set2: list(string, set) }),
    keeps: { set1: ['a', 'b'], set2: ['b', 'a'] },
    breaks: { set1: ['a', 'b'], set2: ['a', 'c'] },
  },
  {
    rule: 'self.lists[0] == self.lists[1]',
    schema: object({ lists: list(list(object({ k: string, v: string }), keyedBy('k'))) }),
    keeps: {
      lists: [
        [{ k: 'a', v: '1' }, { k: 'b' }],
        [{ k: 'b' }, { k: 'a', v: '1' }],
      ],
    },
    breaks: { lists: [[{ k: 'a', v: '1' }], [{ k: 'a', v: '2' }]] },
  },
  {
    rule: "(self.set1 + ['b', 'c']).size() == 3",
    schema: object({ set1: list(string, set) }),
    keeps: { set1: ['a', 'b'] },
    breaks: { set1: ['a', 'x'] },
  },
  {
    rule: "has(self.object.field) ? self.object.field == 'x' : self.object.__namespace__ == 'y'",
    schema: object({ object: object({ field: string, namespace: string }) }),
    keeps: { object: { namespace: 'y' } },
    breaks: { object: { field: 'y', namespace: 'y' } },
  },
  {
    rule: 'self.x__dash__prop > 0 && self.redact__underscores__d > 0',
    schema: object({ 'x-prop': integer, redact__d: integer }),
    keeps: { 'x-prop': 1, redact__d: 1 },
    breaks: { 'x-prop': 1, redact__d: 0 },
  },
  {
    rule: 'self.names.isSorted()',
    schema: object({ names: list(string) }),
    keeps: { names: ['a', 'b'] },
    breaks: { names: ['b', 'a'] },
  },
  {
    rule: 'self.items.map(x, x.weight).sum() == 1.0',
    schema: object({ items: list(object({ weight: number })) }),
    keeps: { items: [{ weight: 0.5 }, { weight: 0.5 }] },
    breaks: { items: [{ weight: 0.5 }, { weight: 1 }] },
  },
  {
    rule: 'self.lowPriorities.map(x, x.priority).max() < self.highPriorities.map(x, x.priority).min()',
    schema: object({
      lowPriorities: list(object({ priority: integer })),
      highPriorities: list(object({ priority: integer })),
    }),
    keeps: { lowPriorities: [{ priority: 1 }, { priority: 2 }], highPriorities: [{ priority: 3 }] },
    breaks: { lowPriorities: [{ priority: 3 }], highPriorities: [{ priority: 3 }] },
  },
  {
    rule: "self.names.indexOf('should-be-first') == 0",
    schema: object({ names: list(string) }),
    keeps: { names: ['should-be-first', 'x'] },
    breaks: { names: ['x', 'should-be-first'] },
  },
  {
    rule: "url(self.endpoint).getHostname() == 'example.com'",
    schema: object({ endpoint: string }),
    keeps: { endpoint: 'https://example.com:80/' },
    breaks: { endpoint: 'https://example.org/' },
  },
  {
    rule: '!has(self.tls) || self.tls.certs.all(c, c.size() > 0)',
    schema: object({ tls: object({ certs: list(string) }) }),
    keeps: {},
    breaks: { tls: { certs: [''] } },
  },
  {
    rule: 'self.field == oldSelf.field',
    schema: object({ field: string }),
    old: { field: 'a' },
    keeps: { field: 'a' },
    breaks: { field: 'b' },
  },
  {
    rule: 'self.count >= oldSelf.count',
    schema: object({ count: integer }),
    old: { count: 2 },
    keeps: { count: 3 },
    breaks: { count: 1 },
  },
  {
    rule: 'oldSelf.all(x, x in self)',
    schema: list(string, set),
    old: ['a', 'b'],
    keeps: ['b', 'c', 'a'],
    breaks: ['a', 'c'],
  },
  {
    rule: "self.foo != 'b' || oldSelf.foo == 'a'",
    schema: object({ foo: string }),
    old: { foo: 'c' },
    keeps: { foo: 'd' },
    breaks: { foo: 'b' },
  },
];
