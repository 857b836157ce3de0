import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatusError } from '../api/status-error.ts';
import { deleteOptions } from './delete-options.ts';
import { booleanOf, integerOf, listOptions, managerOfUserAgent, watchOptions, writeOptions } from './queries.ts';

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

test('every combination of version, match, page and initial events is taken or refused as upstream does', () => {
  const refusals = (options: () => unknown): string => {
    try {
      options();
      return 'ok';
    } catch (error) {
      const { code, reason, details } = error as StatusError;
      const causes = (details?.causes ?? []).map((cause) => `${cause.reason} ${cause.field}: ${cause.message}`);
      assert.deepEqual([code, reason, details?.kind, details?.group], [422, 'Invalid', 'ListOptions', 'meta.k8s.io']);
      return causes.join('; ');
    }
  };
  const field = 'resourceVersionMatch';
  const forbidden = (why: string, path = field): string => `FieldValueForbidden ${path}: Forbidden: ${why}`;
  const noContinue = forbidden(`${field} is forbidden when continue is provided`);
  const needsVersion = forbidden(`${field} is forbidden unless resourceVersion is provided`);
  const notAny = forbidden(`${field} "exact" is forbidden for resourceVersion "0"`);
  const needsMatch = forbidden('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  const needsInitial = forbidden(`${field} is forbidden for watch unless sendInitialEvents is provided`);
  const noInitial = forbidden('sendInitialEvents is forbidden for list', 'sendInitialEvents');
  const unknown = (value: string, supported: string): string =>
    `FieldValueNotSupported ${field}: Unsupported value: "${value}": supported values: ${supported}`;
  for (const version of ['', '0', '5'])
    for (const match of ['', 'Exact', 'NotOlderThan', 'Newest'])
      for (const token of ['', 'abc'])
        for (const limit of ['', '0', '5'])
          for (const initial of ['', 'true', 'false']) {
            const parameters = {
              resourceVersion: version,
              [field]: match,
              continue: token,
              limit,
              sendInitialEvents: initial,
            };
            const text = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== ''));
            const list = [
              match !== '' && version === '' && needsVersion,
              match !== '' && token !== '' && noContinue,
              match === 'Newest' && unknown('Newest', '"Exact", "NotOlderThan", ""'),
              match === 'Exact' && version === '0' && notAny,
              initial !== '' && noInitial,
            ];
            assert.equal(
              refusals(() => listOptions(text)),
              list.filter(Boolean).join('; ') || 'ok',
              `list ${text.toString()}`,
            );
            // Who names neither gets what is there, as if they had asked in full: with a token that is refused.
            const byDefault = match === '' && initial === '' && version !== '5';
            const watch = [
              initial !== '' && match !== 'NotOlderThan' && needsMatch,
              match !== '' && initial === '' && needsInitial,
              match !== '' && match !== 'NotOlderThan' && unknown(match, '"NotOlderThan"'),
              (match !== '' || byDefault) && token !== '' && noContinue,
            ];
            assert.equal(
              refusals(() => watchOptions(text)),
              watch.filter(Boolean).join('; ') || 'ok',
              `watch ${text.toString()}`,
            );
          }
});

test('a watch that names no version asks for what is there', () => {
  const initial = { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' };
  assert.deepEqual(watchOptions(query('watch=1')), initial);
  assert.deepEqual(watchOptions(query('resourceVersion=0&allowWatchBookmarks=true')), {
    resourceVersion: '0',
    allowWatchBookmarks: true,
    ...initial,
  });
  assert.deepEqual(watchOptions(query('resourceVersion=7')), { resourceVersion: '7' });
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
    /fieldManager: Invalid value: "a\\x00": invalid character U\+0000 \(at position 1\)$/,
  );
  assert.throws(
    () => writeOptions(query('fieldValidation=Maybe'), 'UpdateOptions'),
    /fieldValidation: Unsupported value: "Maybe": supported values: "", "Ignore", "Strict", "Warn"$/,
  );
});

test('a user agent names the writer up to its first slash, as far as it may be shown', () => {
  assert.equal(managerOfUserAgent('kubectl/v1.36.0 (linux/amd64) kubernetes/abc'), 'kubectl');
  assert.equal(managerOfUserAgent('a\u0007b'), 'ab');
  assert.equal(managerOfUserAgent('é'.repeat(100)), 'é'.repeat(64));
  assert.equal(managerOfUserAgent(undefined), '');
  assert.equal(managerOfUserAgent('/v1'), '');
  assert.equal(managerOfUserAgent(`${'a'.repeat(128)}/v1`), 'a'.repeat(128));
  assert.equal(managerOfUserAgent('a'.repeat(129)), 'a'.repeat(128));
});

test('options of deletes are checked', () => {
  assert.deepEqual(deleteOptions({ orphanDependents: true }, query('')), { orphanDependents: true });
  assert.deepEqual(deleteOptions({ orphanDependents: false, dryRun: ['All'] }, query('')), {
    dryRun: true,
    orphanDependents: false,
  });
  assert.deepEqual(deleteOptions({ kind: 'DeleteOptions', apiVersion: 'apps/v1' }, query('')), {});
  assert.throws(() => deleteOptions({ kind: 'Pod', apiVersion: 'v1' }, query('')), {
    message: 'no kind "Pod" is registered for version "v1"',
  });
  assert.throws(() => deleteOptions({ orphanDependents: true, propagationPolicy: 'Orphan' }, query('')), {
    message:
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
  });
  assert.throws(() => deleteOptions({ propagationPolicy: 'Never' }, query('')), {
    message:
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Never": supported values: "Foreground", "Background", "Orphan", "nil"',
  });
  assert.throws(() => deleteOptions({ gracePeriodSeconds: 'x' }, query('')), { reason: 'BadRequest' });
  const ignoring = 'ignoreStoreReadErrorWithClusterBreakingPotential';
  assert.deepEqual(deleteOptions({ [ignoring]: true }, query('')), { ignoreStoreReadError: true });
  assert.deepEqual(deleteOptions({ [ignoring]: false }, query('')), {});
  assert.throws(() => deleteOptions({ [ignoring]: 'yes' }, query('')), { reason: 'BadRequest' });
  const others = { dryRun: ['All'], propagationPolicy: 'Background', gracePeriodSeconds: 0, preconditions: {} };
  assert.deepEqual(Object.keys(deleteOptions({ [ignoring]: false, ...others }, query(''))).sort(), [
    'dryRun',
    'gracePeriodSeconds',
    'preconditions',
    'propagationPolicy',
  ]);
  for (const [name, value] of Object.entries({ ...others, orphanDependents: true })) {
    assert.throws(() => deleteOptions({ [ignoring]: true, [name]: value }, query('')), {
      message: `DeleteOptions.meta.k8s.io "" is invalid: ${ignoring}: Invalid value: true: cannot be set together with .${name}`,
    });
  }
});

test('what is far too long is refused in few words', () => {
  const long = '\u0001'.repeat(100_000);
  assert.throws(() => writeOptions(new URLSearchParams({ fieldManager: long }), 'CreateOptions'), {
    message: 'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
  });
  assert.throws(() => integerOf(new URLSearchParams({ limit: '9'.repeat(20) }), 'limit'), /value out of range$/);
  assert.equal(integerOf(new URLSearchParams({ limit: `${'0'.repeat(30)}7` }), 'limit'), 7);
});
