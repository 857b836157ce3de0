import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CelProgram, celEnvironment } from '../../lib/cel/environment.ts';
import { kubernetesLibraries } from './libraries/index.ts';
import { jsonPatchLibrary } from './libraries/json-patch.ts';

const environment = celEnvironment({ variables: {}, libraries: [...kubernetesLibraries, jsonPatchLibrary] });

function compiled(expression: string): CelProgram {
  const outcome = environment.compile(expression);
  return outcome.kind === 'program' ? outcome.program : assert.fail(outcome.error.text);
}

/** What an evaluation costs, constants being made beforehand, and what it is estimated to cost, which counts them. */
type Row = readonly [expression: string, min: number, max: number, actual: number];

function check(rows: readonly Row[]): void {
  const differing = rows.flatMap(([expression, min, max, actual]) => {
    const program = compiled(expression);
    const { cost } = program.evaluate({});
    const found = program.cost();
    if (found.min === min && found.max === max && cost === actual) return [];
    return [`${expression}: ${found.min} to ${found.max} and ${cost}, not ${min} to ${max} and ${actual}`];
  });
  assert.deepEqual(differing, []);
}

const ints = '[1, 2, 3, 4, 5]';
const uints = '[uint(1), uint(2), uint(3), uint(4), uint(5)]';
const doubles = '[1.0, 2.0, 3.0, 4.0, 5.0]';
const bools = '[false, true, false, true, false]';
const durations = "[duration('1s'), duration('2s'), duration('3s'), duration('4s'), duration('5s')]";
const text = "'01234567890123456789012345678901234567890123456789'";

test('lists cost what upstream counts', () => {
  check([
    [`${ints}.sum()`, 15, 15, 5],
    [`${uints}.sum()`, 20, 20, 5],
    [`${doubles}.sum()`, 15, 15, 5],
    [`${durations}.sum()`, 20, 20, 5],
    ...['isSorted', 'max', 'min'].flatMap((name): readonly Row[] => [
      [`${ints}.${name}()`, 15, 15, 5],
      [`${uints}.${name}()`, 20, 20, 5],
      [`${bools}.${name}()`, 15, 15, 5],
    ]),
    ...['indexOf', 'lastIndexOf'].flatMap((name): readonly Row[] => [
      [`${ints}.${name}(3)`, 15, 15, 5],
      [`${uints}.${name}(uint(3))`, 21, 21, 5],
      [`${durations}.${name}(duration('3s'))`, 21, 21, 5],
      [`${text}.${name}('123')`, 5, 5, 5],
    ]),
  ]);
});

test('texts cost what upstream counts', () => {
  const abc = "'abc 123 def 123'";
  check([
    ["'ABCDEFGHIJ abcdefghij'.lowerAscii()", 3, 3, 3],
    ["'ABCDEFGHIJ abcdefghij'.lowerAscii() == 'abcdefghij ABCDEFGHIJ'.lowerAscii()", 7, 9, 9],
    ["'ABCDEFGHIJ abcdefghij'.upperAscii()", 3, 3, 3],
    ["strings.quote('ABCDEFGHIJ abcdefghij')", 3, 3, 3],
    ["strings.quote('ABCDEFGHIJ abcdefghij') == strings.quote('ABCDEFGHIJ abcdefghij')", 7, 11, 9],
    [`${abc}.replace('123', '456')`, 3, 3, 3],
    [`${abc}.replace('', 'x')`, 3, 3, 3],
    [`${abc}.replace('123', '')`, 3, 3, 3],
    [`${abc}.replace('123', '456', 1)`, 3, 3, 3],
    [`${abc}.split(' ')`, 3, 3, 3],
    [`${abc}.split(' ', 1)`, 3, 3, 3],
    [`${abc}.substring(5)`, 2, 2, 2],
    [`${abc}.substring(5, 8)`, 2, 2, 2],
    ["'  abc 123 def 123  '.trim()", 2, 2, 2],
    [`${abc}.find('123')`, 2, 2, 2],
    [`${abc}.findAll('123')`, 2, 2, 2],
    [`${abc}.findAll('123', 1)`, 2, 2, 2],
    ["jsonpatch.escapeKey('abc/def~ abc/def~')", 2, 2, 2],
  ]);
});

test('addresses, networks and URLs cost what upstream counts', () => {
  const url = "url('https:://kubernetes.io/')";
  const four = "cidr('192.168.0.0/16')";
  const six = "cidr('2001:db8::/32')";
  check([
    ...['getScheme', 'getHostname', 'getHost', 'getPort', 'getEscapedPath', 'getQuery'].map(
      (name): Row => [`${url}.${name}()`, 4, 4, 4],
    ),
    [`${url} == url('https:://kubernetes.io/')`, 7, 9, 7],
    [`${url} == url('http://x.b')`, 5, 5, 5],
    ["ip('192.168.0.1')", 2, 2, 2],
    ["ip('192.168.0.1').family()", 3, 3, 3],
    ["ip('192.168.0.1') == ip('192.168.0.1')", 5, 5, 5],
    ["ip('2001:db8:3333:4444:5555:6666:7777:8888').isLoopback()", 5, 5, 5],
    ["ip.isCanonical('192.168.0.1')", 3, 3, 3],
    ["ip.isCanonical('2001:db8:3333:4444:5555:6666:7777:8888')", 8, 8, 8],
    [`${four}.prefixLength()`, 3, 3, 3],
    [`${four}.ip()`, 3, 3, 3],
    [`${four} == cidr('2001:db8::/32')`, 5, 5, 5],
    [`${four}.containsCIDR(cidr('192.0.0.0/30'))`, 7, 11, 7],
    [`${four}.containsCIDR('192.0.0.0/30')`, 7, 11, 7],
    [`${four}.containsIP(ip('192.0.0.1'))`, 4, 7, 4],
    [`${four}.containsIP('192.169.0.1')`, 5, 8, 5],
    [`${six}.containsCIDR('2001:db8::/126')`, 7, 11, 7],
    [`${six}.containsIP(ip('2001:db8:3333:4444:5555:6666:7777:8888'))`, 7, 10, 7],
    [`${six}.containsIP('2001:db8::1')`, 5, 8, 5],
  ]);
});

test('quantities, versions and sets cost what upstream counts', () => {
  check([
    ['quantity("12Mi")', 1, 1, 1],
    ['isQuantity("20M")', 1, 1, 1],
    ['quantity("200M") == quantity("200M")', 3, 3, 3],
    ['quantity("200M") == quantity("0.2G") && quantity("0.2G") == quantity("200M")', 3, 6, 6],
    ['sets.contains([], [])', 21, 21, 1],
    ['sets.contains([1], [1, 1])', 23, 23, 3],
    ['sets.contains([1, 2, 3, 4], [2, 3])', 29, 29, 9],
    ['!sets.contains([1], [2])', 23, 23, 3],
    ['sets.equivalent([], [])', 21, 21, 1],
    ['sets.equivalent([1], [1, 1])', 25, 25, 5],
    ['!sets.equivalent([1], [1, 2])', 26, 26, 6],
    ['sets.intersects([1], [1, 2])', 23, 23, 3],
    ['!sets.intersects([1], [])', 22, 22, 2],
  ]);
});

test('loops with two variables cost what upstream counts', () => {
  check([
    ["{'a': 1, 'b': 2}.all(k, v, v > 0)", 37, 41, 11],
    ["{'a': 1, 'b': 2}.exists(k, v, v > 0)", 39, 43, 10],
    ["{'a': 1, 'b': 2}.existsOne(k, v, v > 0)", 38, 40, 10],
    ["{'a': 1, 'b': 2}.transformMap(k, v, v + 1)", 71, 71, 11],
    ["{'a': 1, 'b': 2}.transformMap(k, v, v < 5, v + 1)", 67, 75, 15],
    ["{'a': 1, 'b': 2}.transformMapEntry(k, v, {k: v + 1})", 131, 131, 71],
    ["{'a': 1, 'b': 2}.transformMapEntry(k, v, v < 5, {k: v + 1})", 67, 135, 75],
    ['[1, 2].all(i, v, v > 0)', 17, 21, 11],
    ['[1, 2].exists(i, v, v > 0)', 19, 23, 10],
    ['[1, 2].existsOne(i, v, v > 0)', 18, 20, 10],
    ['[1, 2].transformList(i, v, v + 1)', 49, 49, 29],
    ['[1, 2].transformList(i, v, v < 5, v + 1)', 27, 53, 33],
  ]);
});
