/** What people read where the system refused a file, and no command had its own words for it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { describeError, UserError } from './user-error.ts';

function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

describe('errors as sentences', () => {
  test("the system's become words, with the file", () => {
    const absent = path.join(os.tmpdir(), 'naru-none', 'x');
    assert.equal(
      describeError(
        errorOf(() => readFileSync(absent)),
        false,
      ),
      `${absent}: there is no such file or folder`,
    );
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    });
    assert.equal(describeError(full, false), 'there is no room left on the disk; free some, and run the command again');
  });

  test('where something was to be made, the folder is what is missing', () => {
    const folder = path.join(os.tmpdir(), 'naru-none');
    const error = errorOf(() => mkdtempSync(path.join(folder, 'x-')));
    assert.equal(describeError(error, false), `${folder}: there is no such file or folder`);
  });

  test("a command's own sentence stays, whatever code its cause has", () => {
    const own = Object.assign(new UserError('the shelf is full'), { code: 'ENOSPC', syscall: 'write' });
    assert.equal(describeError(own, false), 'the shelf is full');
    assert.equal(describeError('odd', false), 'odd');
    assert.match(describeError(own, true), /^the shelf is full\nUserError.*\n +at /);
  });
});
