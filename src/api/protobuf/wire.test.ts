import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { DecodeError } from '../decode-error.ts';
import { WireReader } from './wire.ts';
import { WireWriter } from './writer.ts';

const reader = (hex: string) => new WireReader(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** Tag of field 1 with that wire type, then the bytes; passed over. */
function skip(tag: string, hex: string): void {
  const wire = reader(`${tag} ${hex}`);
  wire.nextField();
  wire.skip();
  assert.equal(wire.atEnd(), true);
}

test('what the writer writes, the reader reads', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.double(), fc.string({ unit: 'grapheme' }), (integer, double, text) => {
      const writer = new WireWriter();
      writer.string(text);
      writer.double(double);
      writer.integer(integer);
      const wire = new WireReader(writer.finish());
      assert.deepEqual([wire.int64(), wire.double(), wire.string()], [integer, double, text]);
      assert.equal(wire.atEnd(), true);
    }),
  );
});

test('a negative integer takes ten bytes', () => {
  const writer = new WireWriter();
  writer.integer(-2);
  assert.equal(writer.finish().toString('hex'), 'feffffffffffffffff01');
  assert.equal(reader('feffffffffffffffff01').int32(), -2);
  assert.equal(reader('feffffffffffffffff01').int64(), -2);
});

test('a writer grows with what is written, and a text of any length keeps its letters', () => {
  for (const length of [1, 63, 64, 127, 128, 20_000, 3_000_000]) {
    const text = 'é'.repeat(length);
    const writer = new WireWriter();
    writer.string(text);
    assert.equal(new WireReader(writer.finish()).string(), text);
  }
});

test('integers that a JavaScript number cannot hold are refused', () => {
  assert.equal(reader('ffffffffffffff0f').int64(), Number.MAX_SAFE_INTEGER);
  assert.throws(() => reader('8080808080808010').int64(), DecodeError);
  assert.throws(() => reader('ffffffffffffffffff01').uint64(), DecodeError);
  assert.equal(reader('8080808080808010').bigInt64(), 2n ** 53n);
});

test('nothing is read beyond the end of its message', () => {
  assert.throws(() => reader('80').int32(), /unexpected EOF/);
  assert.throws(() => reader('05 6162').string(), /unexpected EOF/);
  assert.throws(() => reader('00000000').double(), /unexpected EOF/);
  // A message of two bytes, in which a text says that it has three.
  const wire = reader('0a 02 0361 6263');
  wire.nextField();
  wire.enter('Field');
  assert.throws(() => wire.string(), /unexpected EOF/);
});

test('varints that are too long, tags that cannot be and negative lengths are refused', () => {
  assert.throws(() => reader('ffffffffffffffffffff01').int64(), /integer overflow/);
  assert.throws(() => reader('00').nextField(), /illegal tag 0/);
  assert.throws(() => reader('ffffffffffffffffff01').string(), /negative length/);
});

test('fields of every wire type are passed over, groups with all that is in them', () => {
  skip('08', '8001');
  skip('09', '0000000000000000');
  skip('0a', '03 616263');
  skip('0d', '00000000');
  skip('0b', '10 05 13 18 01 14 0c');
  assert.throws(() => skip('0b', '10 05'), /unexpected EOF/);
  assert.throws(() => skip('0c', ''), /unexpected end of group/);
  assert.throws(() => skip('0e', ''), /illegal wireType 6/);
});

test('groups within groups cost no stack', () => {
  skip('0b', `${'0b'.repeat(100_000)}${'0c'.repeat(100_001)}`);
});
