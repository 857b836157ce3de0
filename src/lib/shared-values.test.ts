import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SharedValues } from './shared-values.ts';

describe('shared values', () => {
  test('are one for each key', () => {
    const values = new SharedValues<object>(10);
    const first = { a: 1 };
    assert.equal(values.share('k', first), first);
    assert.equal(values.share('k', { a: 1 }), first);
    const other = { a: 2 };
    assert.equal(values.share('other', other), other);
  });

  test('can be asked for without one at hand', () => {
    const values = new SharedValues<object>(10);
    assert.equal(values.known('k'), undefined);
    const first = values.share('k', {});
    for (let index = 0; index < 1_000; index++) {
      values.share(`once ${index}`, {});
      if (index % 5 === 0) assert.equal(values.known('k'), first);
    }
  });

  test('stay while they are asked for, however many others come once', () => {
    const values = new SharedValues<object>(10);
    const first = {};
    values.share('k', first);
    for (let index = 0; index < 1_000; index++) {
      values.share(`once ${index}`, {});
      if (index % 5 === 0) assert.equal(values.share('k', {}), first);
    }
  });

  test('are forgotten when nobody asks for them', () => {
    const values = new SharedValues<object>(10);
    const first = {};
    values.share('k', first);
    for (let index = 0; index < 20; index++) values.share(`once ${index}`, {});
    const second = {};
    assert.equal(values.share('k', second), second);
  });
});
