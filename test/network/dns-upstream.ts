/** A name server of the world outside, for tests: knows `www.example.test`, and that nothing else is there. `dns-upstream.ts ADDRESS [PORT]` */
import process from 'node:process';
import dnsPacket from 'dns-packet';
import { DnsServer } from '../../src/network/dns/server.ts';

const [address = '', port = '53'] = process.argv.slice(2);

function answer(bytes: Buffer): Buffer {
  const { id = 0, questions = [] } = dnsPacket.decode(bytes);
  const [question] = questions;
  const isKnown = question?.name === 'www.example.test';
  const name = 'www.example.test';
  return dnsPacket.encode({
    type: 'response',
    id,
    questions,
    flags: dnsPacket.RECURSION_AVAILABLE | (isKnown ? 0 : 3),
    answers: isKnown && question.type === 'A' ? [{ type: 'A', name, ttl: 2, data: '192.0.2.80' }] : [],
  });
}

const report = (message: string): void => void process.stderr.write(`${message}\n`);
const server = new DnsServer({ address, port: Number(port), answer, report });
await server.start();
process.stdout.write(`listening on ${server.port}\n`);
