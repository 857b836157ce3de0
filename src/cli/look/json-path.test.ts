import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UsageError } from '../exit-code.ts';
import { jsonPathExpression, jsonPathTemplate } from './json-path.ts';

const list = {
  kind: 'List',
  items: [
    {
      metadata: { name: 'a', labels: { 'app.kubernetes.io/name': 'web' } },
      spec: { n: 1, ports: [80, 443] },
      ok: true,
    },
    { metadata: { name: 'b' }, spec: { n: 12, ports: [8080] }, ok: false },
    { metadata: { name: 'c' }, spec: { n: 3 } },
  ],
};

const rows: readonly (readonly [template: string, text: string])[] = [
  ['{.items[*].metadata.name}', 'a b c'],
  ['{.items[0].metadata.name}', 'a'],
  ['{.items[-1].metadata.name}', 'c'],
  ['{.items[0:2].metadata.name}', 'a b'],
  ['{.items[::2].metadata.name}', 'a c'],
  ['{.items[0,2].metadata.name}', 'a c'],
  ["{.items[0]['metadata','spec'].name}", 'a'],
  ['{.items[?(@.metadata.name=="b")].spec.n}', '12'],
  ['{.items[?(@.spec.n>2)].metadata.name}', 'b c'],
  ['{.items[?(@.ok)].metadata.name}', 'a b'],
  ['{.items[?(@.ok==true)].metadata.name}', 'a'],
  ['{..name}', 'a b c'],
  ['{.items[*].spec.ports[*]}', '80 443 8080'],
  ['{.items[0].metadata.labels.app\\.kubernetes\\.io/name}', 'web'],
  ["{.items[0].metadata.labels['app.kubernetes.io/name']}", 'web'],
  ['{range .items[*]}{.metadata.name}={.spec.n}{"\\n"}{end}', 'a=1\nb=12\nc=3\n'],
  ['{range .items[?(@.spec.ports)]}{range .spec.ports[*]}{@};{end}|{end}', '80;443;|8080;|'],
  ['{.items[0].spec}', '{"n":1,"ports":[80,443]}'],
  ['names: {.items[*].metadata.name}.', 'names: a b c.'],
  ['{.items[0].metadata.name} {"{"}{\'}\'}', 'a {}'],
  ['{.missing.member}', ''],
  ['{$.kind}', 'List'],
  ['.items[0].metadata.name', 'a'],
];

const wrong = ['{.items[0}', '{range .items[*]}{.a}', '{.items[?(@.a==)]}', '{.a', '{end}', '{}', '{.items[]}'];

describe('JSONPath templates', () => {
  for (const [template, text] of rows) {
    test(`${template} is ${JSON.stringify(text)}`, () => assert.equal(jsonPathTemplate(template)(list), text));
  }

  for (const template of wrong) {
    test(`${template} is refused, with the reason`, () => {
      assert.throws(
        () => jsonPathTemplate(template),
        (error) => error instanceof UsageError && error.message.startsWith('JSONPath: '),
      );
    });
  }

  test('an expression may stand with or without braces and first dot', () => {
    for (const text of ['.kind', 'kind', '{.kind}', '$.kind'])
      assert.deepEqual(jsonPathExpression(text)(list), ['List']);
    assert.throws(() => jsonPathExpression('.a b'), /cannot read/);
  });

  test('members that every object inherits are not there', () => {
    assert.equal(jsonPathTemplate('{.constructor}{.items.length}')(list), '');
  });
});
