import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CelProgram, compileCel, unescaped } from './cel.ts';

const claims = {
  sub: 'ann',
  n: 1,
  half: 0.5,
  groups: ['x', 'y'],
  nested: { 'a.b': { list: [{ d: 'q' }] } },
  'dotted.name': 'v',
  nothing: null,
};

const options = { variables: { claims: 'map<string, dyn>' }, escapedNames: true };

function compiled(expression: string): CelProgram {
  const outcome = compileCel(expression, options);
  assert.equal(outcome.kind, 'program', outcome.kind === 'error' ? `${expression}: ${outcome.error.text}` : '');
  return outcome.kind === 'program' ? outcome.program : assert.fail();
}

function value(expression: string, variables: object = claims): unknown {
  const result = compiled(expression).evaluate({ claims: variables });
  return result.kind === 'value' ? result.value : assert.fail(`${expression}: ${result.message}`);
}

function failure(expression: string, variables: object = claims): string {
  const result = compiled(expression).evaluate({ claims: variables });
  return result.kind === 'error' ? result.message : assert.fail(`${expression} gave a value`);
}

test('expressions over claims give what Kubernetes documents', () => {
  const truths = `claims.sub == 'ann'
claims.?email_verified.orValue(true) == true
claims.n == 1 && claims.half < 1
claims.groups.exists(g, g == 'x') && !claims.groups.all(g, g == 'x')
claims.groups.map(g, 'p:' + g) == ['p:x', 'p:y']
claims.dotted__dot__name == 'v' && claims['dotted.name'] == 'v'
claims.nested.a__dot__b.list[0].d == 'q'
has(claims.nested) && !has(claims.zz) && claims.nothing == null
claims.?nested.?zz.orValue('') == ''
claims.?sub.optMap(s, s + '!').orValue('') == 'ann!' && claims.?zz.optMap(s, s + '!').orValue('') == ''
claims.?sub.optFlatMap(s, optional.of(s)).hasValue()
claims.sub.matches('^a[a-z]+$') && !claims.sub.matches('^b')
'ABCÄ'.lowerAscii() == 'abcÄ' && 'abcä'.upperAscii() == 'ABCä'
'abc'.charAt(1) == 'b' && 'abc'.charAt(3) == ''
'aXa'.replace('a', 'b') == 'bXb' && 'aaa'.replace('a', 'b', 2) == 'bba' && 'ab'.replace('', '-') == 'a-b'
'abc'.reverse() == 'cba' && ' a '.trim() == 'a' && 'a,b'.split(',') == ['a', 'b']
'%s has %d, %.2f, %x, %b and 100%%'.format(['it', 5, 1.5, 255, true]) == 'it has 5, 1.50, ff, 1 and 100%'
'%s'.format([['a', {'k': null}]]) == '[a, {k: null}]' && '%e'.format([1234.5]) == '1.234500e+03'
strings.quote('a"b') == '"a\\\\"b"'
'abc 123'.find('[0-9]+') == '123' && '1 2 3'.findAll('[0-9]') == ['1', '2', '3'] && '1 2 3'.findAll('[0-9]', 2).size() == 2
[1, 2, 3].sum() == 6 && [3, 1, 2].min() == 1 && [3, 1, 2].max() == 3 && ![3, 1].isSorted() && [1, 1].isSorted()
['a', 'b', 'a'].indexOf('a') == 0 && ['a', 'b', 'a'].lastIndexOf('a') == 2 && [1].indexOf(2) == -1
sets.contains([1, 2], [1]) && sets.equivalent([1, 2, 1], [2, 1]) && !sets.intersects([1], [2])
cel.bind(x, claims.sub, x + x) == 'annann'`.split('\n');
  for (const text of truths) assert.equal(value(text), true, text);
});

test('a fault in the text tells what and where', () => {
  const errorOf = (expression: string) => {
    const outcome = compileCel(expression, options);
    return outcome.kind === 'error' ? outcome.error : assert.fail(expression);
  };
  assert.deepEqual(errorOf('1 +\n  foo'), {
    message: "undeclared reference to 'foo' (in container '')",
    line: 2,
    column: 3,
    text: "ERROR: <input>:2:3: undeclared reference to 'foo' (in container '')\n |   foo\n | ..^",
  });
  assert.match(errorOf('claims.sub +').text, /^ERROR: <input>:1:13: Syntax error: mismatched input '<EOF>'/);
  assert.match(errorOf("'a' + 1").message, /no such overload/);
  assert.match(errorOf("'a'.matches(1)").message, /^found no matching overload for 'string\.matches\(int\)'$/);
  assert.match(errorOf(' '.repeat(70_000)).message, /exceeds 65536 characters/);
  assert.match(errorOf(`${'('.repeat(200)}1${')'.repeat(200)}`).message, /depth/i);
});

test('a fault in the values is an error, not an exception', () => {
  assert.equal(failure('claims.zz'), 'no such key: zz');
  assert.match(failure('claims.sub + claims.n'), /no such overload/);
  assert.match(failure("'a'.charAt(7)"), /index out of range: 7/);
  assert.match(failure("claims.sub.matches('(?=a)')"), /Perl syntax/);
  assert.match(failure("'%d'.format(['x'])"), /%d does not take string/);
});

test('the types of results and the fields that are read are known beforehand', () => {
  assert.equal(compiled('claims.n == 1').type, 'bool');
  assert.equal(compiled('claims.sub').type, 'dyn');
  const reader = compiled("claims.?email.orValue('') + claims.a.email_verified");
  assert.ok(reader.selects('claims', 'email') && reader.selects('claims', 'a'));
  assert.ok(!reader.selects('claims', 'email_verified'));
  const { program } = compileCel('user.groups', {
    variables: { user: { fields: { username: 'string', groups: 'list<string>' } } },
  }) as { program: CelProgram };
  assert.deepEqual(program.evaluate({ user: { username: 'a', groups: ['g'] } }), { kind: 'value', value: ['g'] });
  assert.equal(compileCel('user.name', { variables: { user: { fields: { username: 'string' } } } }).kind, 'error');
});

test('no expression costs more than its budget, in any macro', () => {
  const list = Array.from({ length: 300 }, (_, index) => index);
  const nested = (macro: string, end: string): string =>
    `claims.l.${macro}(a, claims.l.${macro}(b, claims.l.${macro}(c, ${end})))`;
  for (const text of [
    nested('all', 'a >= 0.0'),
    nested('exists', 'a < 0.0'),
    nested('map', 'c'),
    nested('exists_one', 'true'),
  ])
    assert.match(failure(text, { l: list }), /actual cost limit exceeded/, text);
  const doubling = Array.from({ length: 40 }).reduce<string>(
    (text, _, index) => `cel.bind(x${index}, x${index + 1} + x${index + 1}, ${text})`,
    'x0',
  );
  assert.match(failure(`cel.bind(x40, claims.s, ${doubling})`, { s: 'x'.repeat(100) }), /cost limit exceeded/);
});

test('a regular expression cannot hold the process up', () => {
  const text = `${'a'.repeat(40)}!`;
  assert.equal(value("claims.t.matches('^(a+)+$')", { t: text }), false);
  assert.match(failure("claims.t.matches('^(a{1,63})+$')", { t: text }), /took too long/);
  assert.equal(value("claims.t.matches('(?i)^A{40}!')", { t: text }), true);
});

test('escaped names are what they stand for', () => {
  const pairs = {
    a__dot__b: 'a.b',
    __true__: 'true',
    a__underscores__b: 'a__b',
    a__slash__b: 'a/b',
    a__b: 'a__b',
    plain: 'plain',
  };
  for (const [name, meant] of Object.entries(pairs)) assert.equal(unescaped(name), meant);
});
