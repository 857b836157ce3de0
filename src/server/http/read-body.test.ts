import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { StatusError } from '../../api/status-error.ts';
import { readBody } from './read-body.ts';

describe('the body of a request', () => {
  test('is read whole, and nobody makes an error of the stream that closes behind it', async () => {
    const stream = new PassThrough();
    let errors = 0;
    const body = readBody(stream, 100, () => {
      errors++;
      return new Error('broken off');
    });
    stream.write('ab');
    stream.end('cd');
    assert.equal((await body).toString(), 'abcd');
    if (!stream.closed) await once(stream, 'close');
    assert.equal(errors, 0);
  });

  test('that breaks off is refused', async () => {
    const stream = new PassThrough();
    const body = readBody(stream, 100, () => new Error('broken off'));
    stream.write('ab');
    stream.destroy();
    await assert.rejects(body, /broken off/);
  });

  test('that is too long is refused as soon as that is known', async () => {
    const stream = new PassThrough();
    const body = readBody(stream, 3, () => new Error('broken off'));
    stream.write('abcd');
    await assert.rejects(body, (error) => error instanceof StatusError && error.code === 413);
  });
});

test('a stream that was destroyed before anybody read it is broken off at once', async () => {
  const stream = new PassThrough();
  stream.destroy();
  await once(stream, 'close');
  await assert.rejects(
    readBody(stream, 10, () => new Error('broken off')),
    /broken off/,
  );
});
