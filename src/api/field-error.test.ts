import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fieldErrors from './field-error.ts';

test('messages have upstream’s form', () => {
  const path = fieldErrors.indexPath(fieldErrors.childPath('spec', 'containers'), 0);
  assert.equal(path, 'spec.containers[0]');
  assert.equal(fieldErrors.keyPath(fieldErrors.childPath('', 'metadata'), 'k'), 'metadata[k]');
  assert.deepEqual(fieldErrors.required(path), {
    field: path,
    reason: 'FieldValueRequired',
    message: 'Required value',
  });
  assert.equal(fieldErrors.required(path, 'say why').message, 'Required value: say why');
  assert.equal(fieldErrors.invalidValue(path, 'a"b', 'no').message, 'Invalid value: "a\\"b": no');
  assert.equal(fieldErrors.invalidValue(path, -1, 'no').message, 'Invalid value: -1: no');
  assert.equal(fieldErrors.invalidValue(path, undefined, 'no').message, 'Invalid value: null: no');
  assert.equal(
    fieldErrors.invalidValue(path, { a: '<x>' }, 'no').message,
    'Invalid value: {"a":"\\u003cx\\u003e"}: no',
  );
  assert.equal(
    fieldErrors.notSupported(path, 'x', ['A', 'B']).message,
    'Unsupported value: "x": supported values: "A", "B"',
  );
  assert.equal(fieldErrors.duplicate(path, 'x').message, 'Duplicate value: "x"');
  assert.equal(fieldErrors.forbiddenField(path, 'no').message, 'Forbidden: no');
  assert.equal(fieldErrors.tooLong(path, 63).message, 'Too long: may not be more than 63 bytes');
  assert.equal(fieldErrors.tooMany(path, 3, 1).message, 'Too many: 3: must have at most 1 item');
  assert.equal(fieldErrors.notFoundValue(path, 'x').message, 'Not found: "x"');
});

test('strings are quoted as Go quotes them', () => {
  assert.equal(fieldErrors.goQuote('a\n\t\x00\x7f\\é한\u200b'), '"a\\n\\t\\x00\\x7f\\\\é한\\u200b"');
});
