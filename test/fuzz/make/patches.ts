/** Patches of the four types: good ones, and such as point nowhere, contradict themselves, or never end. */
import type { JsonObject } from '../../../src/api/object.ts';
import { brokenJson, wholeJson } from './break-json.ts';
import { brokenYaml } from './break-yaml.ts';
import type { Chance, Weighted } from './chance.ts';
import { nastyJson, nastyKey, prototypeKeys } from './nasty.ts';

export interface PatchBody {
  readonly contentType: string;
  readonly body: Buffer;
}

type MakePatch = (chance: Chance, object: JsonObject) => PatchBody;

export const patchBody: MakePatch = (chance, object) => chance.weighted(patches)(chance, object);

const patches: Weighted<MakePatch> = [
  [28, (chance) => ({ contentType: 'application/json-patch+json', body: wholeJson(chance, jsonPatch(chance)) })],
  [
    18,
    (chance, object) => ({
      contentType: 'application/merge-patch+json',
      body: wholeJson(chance, brokenJson(chance, part(chance, object), chance.int(4))),
    }),
  ],
  [
    26,
    (chance, object) => ({
      contentType: 'application/strategic-merge-patch+json',
      body: wholeJson(chance, withDirectives(chance, part(chance, object))),
    }),
  ],
  [26, (chance, object) => ({ contentType: 'application/apply-patch+yaml', body: applyBody(chance, object) })],
  [
    2,
    (chance, object) => ({
      contentType: chance.pick([
        'application/apply-patch+cbor',
        'application/json',
        'application/json-patch+json; charset=utf-8',
        'text/plain',
        'application/merge-patch+json;;',
        '',
      ]),
      body: Buffer.from(brokenJson(chance, object, 1)),
    }),
  ],
];

/** A few of an object's fields. */
function part(chance: Chance, object: JsonObject): JsonObject {
  if (chance.percent(30)) return object;
  const entries = Object.entries(object).filter(() => chance.percent(60));
  return Object.fromEntries(entries);
}

const pointers: readonly string[] = [
  '',
  '/',
  '//',
  'metadata',
  '/metadata',
  '/metadata/labels',
  '/metadata/labels/app',
  '/metadata/labels/a~1b',
  '/metadata/labels/a~0b~2',
  '/metadata/name',
  '/metadata/namespace',
  '/metadata/uid',
  '/metadata/resourceVersion',
  '/metadata/finalizers',
  '/metadata/finalizers/-',
  '/metadata/ownerReferences',
  '/metadata/managedFields',
  '/metadata/managedFields/0',
  '/metadata/managedFields/0/fieldsV1',
  '/metadata/annotations',
  '/metadata/annotations/a',
  '/metadata/deletionTimestamp',
  '/kind',
  '/apiVersion',
  '/data',
  '/data/a',
  '/spec',
  '/spec/selector',
  '/spec/template/spec/containers',
  '/spec/template/spec/containers/0',
  '/spec/template/spec/containers/-',
  '/spec/template/spec/containers/00',
  '/spec/template/spec/containers/-1',
  '/spec/template/spec/containers/+1',
  '/spec/template/spec/containers/1e0',
  '/spec/template/spec/containers/99999999999999999999',
  '/spec/template/spec/containers/4294967295',
  '/spec/containers/0/image',
  '/spec/ports/0/port',
  '/spec/color',
  '/spec/size',
  '/spec/parts/0/name',
  '/spec/extra/unknown',
  '/spec/anything',
  '/spec/template/metadata',
  '/rules/0',
  '/status',
  '/status/conditions/-',
  '/a/b/c/d/e/f/g',
  ...prototypeKeys.map((key) => `/${key}`),
  ...prototypeKeys.map((key) => `/metadata/labels/${key}`),
  '/__proto__/polluted',
  '/constructor/prototype/polluted',
  '/metadata/__proto__/polluted',
];

const operations = [
  'add',
  'add',
  'replace',
  'remove',
  'copy',
  'move',
  'test',
  'ADD',
  '',
  'merge',
  '__proto__',
] as const;

function operation(chance: Chance): string {
  const path = chance.percent(95) ? JSON.stringify(chance.pick(pointers)) : nastyJson(chance);
  const fields = [`"op":"${chance.pick(operations)}"`, `"path":${path}`];
  if (chance.percent(75)) fields.push(`"value":${chance.percent(40) ? '"x"' : nastyJson(chance)}`);
  if (chance.percent(35)) fields.push(`"from":${JSON.stringify(chance.pick(pointers))}`);
  return `{${fields.filter(() => chance.percent(97)).join(',')}}`;
}

/** One that may well succeed. */
function likely(chance: Chance): string {
  const path = chance.pick([
    '/metadata/labels/x',
    '/metadata/labels/a~1b',
    '/metadata/labels/__proto__',
    '/metadata/annotations',
    '/spec',
  ]);
  return `{"op":"${chance.pick(['add', 'replace', 'test'])}","path":"${path}","value":${chance.percent(70) ? '"x"' : nastyJson(chance)}}`;
}

function jsonPatch(chance: Chance): string {
  return chance.weighted(jsonPatches)(chance);
}

/** Doubles what it copies, again and again. */
const doubling = (times: number): string =>
  `[{"op":"add","path":"/metadata/annotations","value":{"a":"${'x'.repeat(1_000)}"}},${Array.from(
    { length: times },
    () => `{"op":"copy","from":"/metadata/annotations","path":"/metadata/annotations/b"}`,
  ).join(',')}]`;

const jsonPatches: Weighted<(chance: Chance) => string> = [
  [60, (chance) => `[${chance.several(5, () => operation(chance)).join(',')}]`],
  [20, (chance) => `[${chance.several(3, () => likely(chance)).join(',')}]`],
  [8, (chance) => operation(chance)],
  [4, (chance) => nastyJson(chance)],
  [2, (chance) => doubling(chance.pick([3, 12, 24, 40]))],
  [
    1,
    (chance) =>
      `[${Array.from({ length: chance.pick([9_999, 10_000, 10_001]) }, () => '{"op":"test","path":"/kind","value":"x"}').join(',')}]`,
  ],
  [
    1,
    (chance) =>
      `[${Array.from({ length: 2_000 }, () => `{"op":"add","path":"/metadata/finalizers/0","value":"a/${chance.int(9)}"}`).join(',')}]`,
  ],
];

/** Directives of strategic merge, as they may stand in any object of a patch. */
const directives: Weighted<(chance: Chance) => string> = [
  [4, (chance) => `"$patch":${chance.pick(['"delete"', '"replace"', '"merge"', '"remove"', '1', 'null', '{}'])}`],
  [3, (chance) => `"$retainKeys":${chance.pick(['["a"]', '[]', '"a"', '[1]', 'null', '["__proto__"]', '[{}]'])}`],
  [
    3,
    (chance) =>
      `"$setElementOrder/${chance.pick(listNames)}":${chance.pick(['[{"name":"main"}]', '["a","a"]', '[1]', '{}', 'null', '[null]', '[{"name":{}}]'])}`,
  ],
  [
    3,
    (chance) =>
      `"$deleteFromPrimitiveList/${chance.pick(listNames)}":${chance.pick(['["a"]', '[1,{}]', '{}', 'null', '"x"'])}`,
  ],
  [
    1,
    (chance) =>
      `"$${chance.pick(['', 'patch/', 'setElementOrder/', 'deleteFromPrimitiveList', 'x'])}":${nastyJson(chance)}`,
  ],
  [1, (chance) => `${JSON.stringify(nastyKey(chance))}:{"$patch":"delete"}`],
];
const listNames = ['containers', 'ports', 'finalizers', 'env', 'volumes', 'taints', 'a', '__proto__', ''] as const;

/** The patch as JSON, with directives written into some of its objects and lists. */
function withDirectives(chance: Chance, patch: JsonObject): string {
  const text = brokenJson(chance, patch, chance.int(3));
  let written = text;
  for (let i = chance.int(4); i > 0; i--) {
    const places = [...written.matchAll(/\{/g)].map(({ index }) => index);
    const at = places.length === 0 ? 0 : chance.pick(places) + 1;
    const comma = written[at] === '}' ? '' : ',';
    written = `${written.slice(0, at)}${chance.weighted(directives)(chance)}${comma}${written.slice(at)}`;
  }
  return written;
}

const fieldSets: readonly string[] = [
  '{}',
  'null',
  '[]',
  '{"f:metadata":{"f:labels":{"f:app":{}}}}',
  '{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\\"name\\":\\"main\\"}":{".":{}}}}}}}',
  '{"k:{":{}}',
  '{"k:{\\"name\\":{}}":{}}',
  '{"v:":{}}',
  '{"v:{\\"a\\":1}":{}}',
  '{"i:-1":{}}',
  '{"i:99999999999999999999":{}}',
  '{"x:a":{}}',
  '{"f:__proto__":{"f:polluted":{}}}',
  '{"__proto__":{"f:a":{}}}',
  '{"f:":{}}',
  '{".":1}',
  '{"f:a":1}',
  `${'{"f:a":'.repeat(300)}{}${'}'.repeat(300)}`,
];

/** Entries of managedFields that nobody should send. */
function entries(chance: Chance): string {
  const entry = (): string =>
    `{"manager":${chance.pick(['"a"', '""', '1', `"${'m'.repeat(200)}"`])},"operation":${chance.pick(['"Apply"', '"Update"', '"x"', 'null'])},"apiVersion":${chance.pick(['"v1"', '"apps/v1"', '"x/y/z"', '1'])},"time":${chance.pick(['"2024-01-02T03:04:05Z"', '"x"', 'null'])},"fieldsType":${chance.pick(['"FieldsV1"', '"FieldsV2"', '""'])},"fieldsV1":${chance.pick(fieldSets)},"subresource":${chance.pick(['""', '"status"', '"x"'])}}`;
  return `[${chance.several(4, entry).join(',')}]`;
}

function applyBody(chance: Chance, object: JsonObject): Buffer {
  if (chance.percent(35)) return brokenYaml(chance, object);
  const text = brokenJson(chance, object, chance.int(3));
  if (chance.percent(60)) return wholeJson(chance, text);
  return wholeJson(chance, text.replace('"metadata":{', `"metadata":{"managedFields":${entries(chance)},`));
}

/** Metadata with broken managedFields, for bodies of every other kind. */
export function withManagedFields(chance: Chance, text: string): string {
  return text.replace('"metadata":{', `"metadata":{"managedFields":${entries(chance)},`);
}
