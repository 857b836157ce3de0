import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInRange } from './semver-range.ts';

test('ranges hold as npm documents them', () => {
  for (const [range, inside, outside] of [
    ['', ['26.10.0'], []],
    ['*', ['0.0.1'], []],
    ['>=20', ['20.0.0', '26.1.0'], ['19.9.9']],
    ['>20', ['21.0.0'], ['20.9.9']],
    ['<=20', ['20.9.9'], ['21.0.0']],
    ['<21', ['20.9.9'], ['21.0.0']],
    ['>= 18.17 <27', ['18.17.0', '26.9.9'], ['18.16.9', '27.0.0']],
    ['^20.1.2', ['20.1.2', '20.9.0'], ['20.1.1', '21.0.0']],
    ['^0.2.3', ['0.2.4'], ['0.3.0', '0.2.2']],
    ['^0.0.3', ['0.0.3'], ['0.0.4']],
    ['~20.1', ['20.1.9'], ['20.2.0']],
    ['~20', ['20.9.0'], ['21.0.0']],
    ['20', ['20.3.1'], ['21.0.0', '19.0.0']],
    ['20.x || 22.x', ['20.1.1', '22.0.0'], ['21.0.0']],
    ['18 - 20', ['18.0.0', '20.9.9'], ['21.0.0']],
    ['1.2.3 - 2.3.4', ['1.2.3', '2.3.4'], ['2.3.5', '1.2.2']],
    ['=26.10.0', ['26.10.0'], ['26.10.1']],
    ['v26', ['26.0.0'], ['25.0.0']],
    ['<*', [], ['26.0.0']],
  ] as const) {
    for (const version of inside) assert.equal(isInRange(version, range), true, `${version} is in ${range}`);
    for (const version of outside) assert.equal(isInRange(version, range), false, `${version} is not in ${range}`);
  }
});

test('what is no range says neither yes nor no', () => {
  assert.equal(isInRange('v26.10.0', 'lts/*'), undefined);
  assert.equal(isInRange('latest', '20'), undefined);
});
