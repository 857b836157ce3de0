import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deleteOptions } from './delete-options.ts';
import { booleanOf, integerOf, listOptions, watchOptions, writeOptions } from './queries.ts';

const query = (text: string) => new URLSearchParams(text);

test('booleans are true when present, save for false and 0', () => {
  const values = ['x', 'x=', 'x=true', 'x=1', 'x=no', 'x=false', 'x=FALSE', 'x=0', ''].map((text) =>
    booleanOf(query(text), 'x'),
  );
  assert.deepEqual(values, [true, true, true, true, true, false, false, false, undefined]);
});

test("numbers are whole and of 64 bits, and what is none is refused in Go's words", () => {
  assert.equal(integerOf(query('n=-5'), 'n'), -5);
  assert.throws(() => integerOf(query('n=1.5'), 'n'), { message: 'strconv.ParseInt: parsing "1.5": invalid syntax' });
  assert.throws(() => integerOf(query('n='), 'n'), { message: 'strconv.ParseInt: parsing "": invalid syntax' });
  assert.throws(() => integerOf(query('n=9223372036854775808'), 'n'), {
    message: 'strconv.ParseInt: parsing "9223372036854775808": value out of range',
  });
});

test('the rules of resourceVersionMatch and sendInitialEvents hold', () => {
  const message = (options: () => unknown): string => {
    try {
      options();
      return 'ok';
    } catch (error) {
      return (error as Error).message.replace('ListOptions.meta.k8s.io "" is invalid: ', '');
    }
  };
  assert.equal(
    message(() => listOptions(query('resourceVersion=5&resourceVersionMatch=Exact'))),
    'ok',
  );
  assert.equal(
    message(() => listOptions(query('resourceVersionMatch=Exact'))),
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  );
  assert.equal(
    message(() => listOptions(query('resourceVersion=0&resourceVersionMatch=Exact'))),
    'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
  );
  assert.equal(
    message(() => listOptions(query('sendInitialEvents=true'))),
    'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
  );
  assert.equal(
    message(() => watchOptions(query('sendInitialEvents=true&resourceVersionMatch=NotOlderThan'))),
    'ok',
  );
  assert.equal(
    message(() => watchOptions(query('sendInitialEvents=true'))),
    'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
  );
});

test('options of writes are checked', () => {
  assert.deepEqual(writeOptions(query('dryRun=All&fieldValidation=Strict'), 'CreateOptions'), {
    dryRun: true,
    fieldValidation: 'Strict',
  });
  assert.throws(() => writeOptions(query('dryRun=Some'), 'CreateOptions'), {
    message: 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
  });
  assert.throws(
    () => writeOptions(query('force=true'), 'PatchOptions'),
    /force: Forbidden: may not be specified for non-apply patch/,
  );
  assert.throws(
    () => writeOptions(query(`fieldManager=${'x'.repeat(129)}`), 'UpdateOptions'),
    /Too long: may not be more than 128 bytes/,
  );
  assert.throws(
    () => writeOptions(query('fieldManager=a%00'), 'UpdateOptions'),
    /should only contain printable characters/,
  );
});

test('options of deletes are checked', () => {
  assert.deepEqual(deleteOptions({ orphanDependents: true }, query('')), { propagationPolicy: 'Orphan' });
  assert.deepEqual(deleteOptions({ orphanDependents: false, dryRun: ['All'] }, query('')), {
    dryRun: true,
    propagationPolicy: 'Background',
  });
  assert.throws(() => deleteOptions({ propagationPolicy: 'Never' }, query('')), {
    message:
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Never": supported values: "Foreground", "Background", "Orphan", "nil"',
  });
  assert.throws(() => deleteOptions({ gracePeriodSeconds: 'x' }, query('')), { reason: 'BadRequest' });
});
