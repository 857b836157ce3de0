/** The quick reader against the library: whatever it reads, it reads the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { DecodeError } from './decode-error.ts';
import type { JsonValue } from './object.ts';
import { documentsIn, stringifyYaml } from './yaml.ts';
import { parsePlainYaml } from './yaml-plain.ts';

function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return 'refused';
  }
}

/** True where the quick reader had an answer. */
function agrees(text: string): boolean {
  const quick = outcome(() => parsePlainYaml(text));
  if (quick === undefined) return false;
  const documents = outcome(() => documentsIn(text)) as readonly { value: JsonValue; duplicates: readonly string[] }[];
  if (quick === 'refused') {
    assert.equal(documents, 'refused', JSON.stringify(text));
    return true;
  }
  assert.equal(documents.length, 1, JSON.stringify(text));
  const { value, duplicates } = documents[0] ?? {};
  assert.deepEqual(quick, { value, duplicates }, JSON.stringify(text));
  return true;
}

const manifest = `# a comment
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: "quoted" # why
  labels: {}
  annotations:
    'it''s': yes
    number: 0x1F
    empty:
    on: 'it''s'
  finalizers:
  - a

  - b
data:
  script: |
    #!/bin/sh

    echo "a: b"
      indented
  stripped: |-
    one
    two

  kept: |+
    end

list:
  - name: x
    args: ["-v", x, 'y z']
    text: one
      two
`;

test('a manifest is read as the library reads it', () => {
  const plain = manifest.replace("'it''s': yes", 'its: yes');
  assert.equal(agrees(plain), true);
  assert.equal(agrees(manifest), false);
});

test('what is not plain is left to the library', () => {
  for (const text of [
    'a: &x 1\nb: *x\n',
    'a: 1\na: 2\n',
    'a: !!str 1\n',
    'a: {b: 1}\n',
    'a: one\n\n  two\n',
    'a: [b: c]\n',
    'a: >\n  x\n',
    '<<: {a: 1}\n',
    'a: 1\n---\nb: 2\n',
    'a: 1\n...\n',
    'a:\t1\n',
    '- - 1\n',
    'text\n',
    '',
    '"a\\n": 1\n',
    'a: "\\u0041"\n',
    '? a\n: b\n',
    'a: b: c\n',
    'a: |2\n    x\n',
  ]) {
    assert.equal(
      outcome(() => parsePlainYaml(text)),
      undefined,
      JSON.stringify(text),
    );
  }
});

test('a soup of YAML is read as the library reads it', () => {
  const pieces = [
    'a',
    'b: ',
    'c:',
    '- ',
    '-',
    '\n',
    '\n',
    '\n  ',
    '\n    ',
    '\n- ',
    '\n  - ',
    ' ',
    '  ',
    '#',
    ' # x',
    '"',
    "'",
  ];
  const more = [
    '|',
    '|-',
    '|+',
    '1',
    'yes',
    '{}',
    '[]',
    ':',
    '---',
    '\n---\n',
    '---\n',
    '...',
    'x\n  ',
    '[a, "b"]',
    ', ',
    'a: ',
    'a: 1\n',
    '"q"',
    "'q'",
    'null',
    '.inf',
    '~',
    'é',
    '\t',
  ];
  const soup = fc.array(fc.constantFrom(...pieces, ...more), { maxLength: 24 }).map((parts) => parts.join(''));
  let read = 0;
  fc.assert(
    fc.property(soup, (text) => {
      if (agrees(text)) read++;
    }),
    { seed: 7, numRuns: 20_000 },
  );
  assert.ok(read > 1000, String(read));
});

test('random lines of a manifest are read as the library reads them', () => {
  const indent = fc.constantFrom('', '  ', '    ', '      ', ' ');
  const key = fc.constantFrom('a: ', 'b:', 'c: ', '- ', '- a: ', '- b:', '-', '"k": ', '');
  const value = fc.constantFrom(
    '',
    '1',
    'x',
    'x y',
    '"q"',
    "'s'",
    '|',
    '|-',
    '|+',
    '{}',
    '[]',
    '# c',
    'x # c',
    '-x',
    'x:',
    '---',
    '[a, 1]',
    '[\'b\' ,"c"]',
  );
  const line = fc.tuple(indent, key, value).map((parts) => parts.join(''));
  const document = fc.array(line, { minLength: 1, maxLength: 8 }).map((lines) => `${lines.join('\n')}\n`);
  let read = 0;
  fc.assert(
    fc.property(document, (text) => {
      if (agrees(text)) read++;
    }),
    { seed: 7, numRuns: 20_000 },
  );
  assert.ok(read > 500, String(read));
});

test('what we write is read quickly, and as it was', () => {
  const plainText = fc.stringMatching(/^[a-z][a-z0-9 ]{0,8}[a-z]$/);
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(plainText, fc.integer(), fc.boolean(), fc.constant(null), fc.constant('one\ntwo\n')),
      fc.array(tie('value'), { maxLength: 3 }).map((list) => list.filter((each) => !Array.isArray(each))),
      fc.dictionary(fc.stringMatching(/^[a-z]{3,6}$/), tie('value'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{3,6}$/), value, { minKeys: 1 }), (object) => {
      const text = stringifyYaml(object);
      assert.ok(agrees(text), text);
    }),
    { seed: 7, numRuns: 500 },
  );
});
