/** Any bytes: nothing throws, nothing hangs, and whatever is answered an independent codec can read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import {
  array,
  asyncProperty,
  boolean,
  constantFrom,
  assert as holds,
  nat,
  oneof,
  option,
  property,
  record,
  tuple,
  uint8Array,
} from 'fast-check';
import { readForwarded } from './forwarded-message.ts';
import { requestBytes } from './questions.ts';
import { decode, fillZone, query, replyTo, testDns } from './testing.ts';
import { headerBytes, labelsOf, readName, readQuery } from './wire.ts';

const { resolver, zone } = testDns({ exchange: async (_server, asked) => replyTo(asked, { code: 3 }) });
fillZone(zone);

const names = [
  'web.shop.svc.cluster.local',
  '_http._tcp.db.shop.svc.cluster.local',
  '5.0.42.10.in-addr.arpa',
  'a.b',
  '.',
];
const types = ['A', 'AAAA', 'SRV', 'PTR', 'TXT', 'SOA', 'ANY'];

const question = record({
  name: constantFrom(...names),
  type: constantFrom(...types),
  size: option(nat(5000)),
});

/** A good message with some of its bytes changed, and cut. */
const spoilt = tuple(question, array(tuple(nat(99), nat(255)), { maxLength: 6 }), nat(99)).map(
  ([{ name, type, size }, changes, length]) => {
    const bytes = query(name, size === null ? { type } : { type, edns: { size } });
    for (const [place, byte] of changes) bytes[place % bytes.length] = byte;
    return length > 80 ? bytes.subarray(0, length % bytes.length) : bytes;
  },
);

const anyBytes = uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));

test('whatever comes, what is answered can be read, is an answer to it, and fits', async () => {
  await holds(
    asyncProperty(oneof(spoilt, anyBytes), boolean(), async (bytes, isTcp) => {
      const answer = await resolver.answer(bytes, isTcp ? 'tcp' : 'udp');
      if (answer === undefined) {
        assert.ok(bytes.length < headerBytes || (bytes[2] as number) >= 0x80);
        return;
      }
      const reply = decode(answer);
      assert.deepEqual([reply.id, reply.type], [bytes.readUInt16BE(0), 'response']);
      assert.ok(isTcp || answer.length <= 1232);
      assert.equal(dnsPacket.decode.bytes, answer.length);
    }),
    { numRuns: 4000, seed: 7 },
  );
});

test('whatever a name server says, it is an answer that can be passed on, or none', () => {
  const asked = { question: query('www.example.com').subarray(headerBytes), dnssecOk: false, checkingDisabled: false };
  const request = requestBytes(asked, 4711);
  const honest = dnsPacket.encode({
    type: 'response',
    id: 4711,
    questions: [{ type: 'A', name: 'www.example.com' }],
    answers: [
      { type: 'CNAME', name: 'www.example.com', ttl: 5, data: 'x.example.com' },
      { type: 'A', name: 'x.example.com', ttl: 5, data: '192.0.2.1' },
    ],
  });
  let good = 0;
  holds(
    property(array(tuple(nat(honest.length - 1), nat(255)), { maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(honest);
      for (const [place, byte] of changes) bytes[place] = byte;
      const message = readForwarded(bytes, request);
      if (message === undefined) return;
      good++;
      assert.ok(message.seconds >= 0 && message.ttlOffsets.every((offset) => offset + 4 <= message.bytes.length));
    }),
    { numRuns: 4000, seed: 7 },
  );
  assert.ok(good > 100);
});

test('names are read as they were written, whatever their labels hold', () => {
  const label = uint8Array({ minLength: 1, maxLength: 20 });
  holds(
    property(array(label, { maxLength: 8 }), (labels) => {
      const bytes = Buffer.concat([
        ...labels.flatMap((one) => [Buffer.from([one.length]), Buffer.from(one)]),
        Buffer.from([0]),
      ]);
      const read = readName(bytes, 0);
      assert.equal(read?.end, bytes.length);
      const lower = labels.map((one) =>
        Buffer.from(one)
          .toString('latin1')
          .replace(/[A-Z]/g, (upper) => upper.toLowerCase()),
      );
      assert.deepEqual(labelsOf(read.name), lower);
    }),
    { seed: 7 },
  );
});

test('a chain of pointers is bounded', () => {
  const bytes = Buffer.alloc(4096);
  for (let offset = 2; offset < 4096; offset += 2) bytes.writeUInt16BE(0xc000 | (offset - 2), offset);
  bytes.writeUInt16BE(0xc000, 0);
  assert.equal(readName(bytes, 4094), undefined);
  assert.equal(readQuery(Buffer.concat([query('a').subarray(0, headerBytes), bytes])), 'malformed');
});
