import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  escapeFieldValue,
  labelMatcher,
  matchLabels,
  nameInFieldSelector,
  parseFieldSelector,
  parseLabelSelector,
  validateLabelSelector,
} from './selector.ts';

const labels = { app: 'web', tier: 'front', n: '5', empty: '', in: 'x' };

const yes = [
  '',
  'app',
  '!missing',
  'app=web',
  'app==web',
  'app!=db',
  'missing!=x',
  'app in (web,db)',
  'app notin (db)',
  'missing notin (x)',
  'n>4',
  'n<6',
  ' app = web , tier in ( front ) ',
  'empty=',
  'empty',
  'empty in (,x)',
  'in in (x)',
  'in=x',
  'app=web,tier=front,n>1',
];
const no = [
  'missing',
  '!app',
  'app=db',
  'app!=web',
  'app in (db)',
  'app notin (web)',
  'n>5',
  'app>1',
  'app=web,tier=back',
  'constructor',
];

for (const text of yes) test(`"${text}" matches`, () => assert.ok(parseLabelSelector(text).matches(labels)));
for (const text of no) test(`"${text}" does not match`, () => assert.ok(!parseLabelSelector(text).matches(labels)));

const errors: readonly (readonly [string, string])[] = [
  ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ['a,,b', "found ',', expected: identifier after ','"],
  ['a,', "found '', expected: identifier after ','"],
  ['=a', "found '=', expected: !, identifier, or 'end of string'"],
  ['!a=b', "found '=', expected: ',' or 'end of string'"],
  ['a in b', "unable to parse requirement: found 'b' expected: '('"],
  ['a=b c', "found 'c', expected: ',' or 'end of string'"],
  [
    'a>x',
    `unable to parse requirement: values[0]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer`,
  ],
  ['/a', 'unable to parse requirement: <nil>: Invalid value: "/a": prefix part must be non-empty'],
  [
    'a=-b',
    `unable to parse requirement: values[0][a]: Invalid value: "-b": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
  ],
];

for (const [text, message] of errors) {
  test(`"${text}" is refused as upstream refuses it`, () => {
    assert.throws(() => parseLabelSelector(text), { code: 400, message });
  });
}

test('a selector prints in canonical form, which means the same', () => {
  const text = parseLabelSelector('z notin (b, a,a),y>3,  x,!w, v==1,u!=2').toString();
  assert.equal(text, 'u!=2,v==1,!w,x,y>3,z notin (a,b)');
  assert.equal(parseLabelSelector(text).toString(), text);
});

test('an absent LabelSelector matches nothing and an empty one everything', () => {
  assert.ok(!labelMatcher(undefined).matches({}));
  assert.ok(labelMatcher({}).matches(undefined));
});

test('a LabelSelector asks for all its labels and expressions', () => {
  const matcher = labelMatcher(
    Object.freeze({
      matchLabels: Object.freeze({ app: 'web' }),
      matchExpressions: Object.freeze([
        { key: 'tier', operator: 'In', values: Object.freeze(['front', 'back']) },
        { key: 'old', operator: 'DoesNotExist' },
      ]),
    }),
  );
  assert.ok(matcher.matches(labels));
  assert.ok(!matcher.matches({ ...labels, old: '' }));
  assert.ok(!matcher.matches({ app: 'web' }));
  assert.throws(() => labelMatcher({ matchExpressions: [{ key: 'a', operator: 'in' }] }), {
    message: '"in" is not a valid label selector operator',
  });
  assert.ok(matchLabels({ app: 'web' }).matches(labels));
});

test('a field selector is taken apart', () => {
  assert.deepEqual(parseFieldSelector('status.phase!=Running,metadata.name=a\\,b\\=c,,spec.nodeName=='), [
    { field: 'metadata.name', operator: '=', value: 'a,b=c' },
    { field: 'spec.nodeName', operator: '=', value: '' },
    { field: 'status.phase', operator: '!=', value: 'Running' },
  ]);
  assert.equal(parseFieldSelector(`a=${escapeFieldValue('x,y=\\')}`)[0]?.value, 'x,y=\\');
  assert.deepEqual(parseFieldSelector(''), []);
});

test('a field selector is refused as upstream refuses it', () => {
  assert.throws(() => parseFieldSelector('a'), { message: "invalid selector: 'a'; can't understand 'a'" });
  assert.throws(() => parseFieldSelector('a=b\\c'), {
    message: 'invalid field selector: invalid escape sequence: \\c',
  });
  assert.throws(() => parseFieldSelector('a=b=c'), {
    message: 'invalid field selector: unescaped character in value: 61',
  });
});

test('validation names the field of each broken rule', () => {
  const found = validateLabelSelector(
    {
      matchLabels: { a: '-' },
      matchExpressions: [
        { key: 'k', operator: 'In' },
        { key: '', operator: 'Exists', values: ['x'] },
      ],
    },
    'spec.selector',
  );
  assert.deepEqual(
    found.map(({ field, reason }) => [field, reason]),
    [
      ['spec.selector.matchLabels', 'FieldValueInvalid'],
      ['spec.selector.matchExpressions[0].values', 'FieldValueRequired'],
      ['spec.selector.matchExpressions[1].values', 'FieldValueForbidden'],
      ['spec.selector.matchExpressions[1].key', 'FieldValueInvalid'],
      ['spec.selector.matchExpressions[1].key', 'FieldValueInvalid'],
    ],
  );
});

test('a selector of a hundred thousand signs is refused as a short one is', () => {
  for (const sign of ['(', ',', '=']) assert.throws(() => parseLabelSelector(sign.repeat(300_000)), { code: 400 });
});

test('a field selector can name the one object that is meant', () => {
  assert.equal(nameInFieldSelector('metadata.name=a'), 'a');
  assert.equal(nameInFieldSelector('spec.nodeName=n,metadata.name==a.b'), 'a.b');
  assert.equal(nameInFieldSelector('metadata.name!=a'), '');
  assert.equal(nameInFieldSelector(undefined), '');
});

test('a selector of very many characters is not taken apart', () => {
  const long = `a=${'b'.repeat(63)},`.repeat(2_000);
  const message = 'unable to parse requirement: the selector has 132000 characters, at most 65536 are allowed';
  assert.throws(() => parseLabelSelector(long), { code: 400, message });
  assert.throws(() => parseFieldSelector(long), { code: 400, message });
});
