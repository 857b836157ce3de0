import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../lib/log.ts';
import { CommandError } from '../kernel/command.ts';
import { parseFlows, StaleFlows, staleFlows, type UdpFrontend } from './conntrack.ts';

const listing = [
  'udp      17 29 src=10.42.1.6 dst=10.43.0.1 sport=5555 dport=81 [UNREPLIED] src=10.42.1.5 dst=10.42.1.6 sport=7 dport=5555 mark=0 use=1',
  'udp      17 119 src=10.42.1.6 dst=10.43.0.1 sport=5556 dport=81 src=10.42.2.5 dst=10.42.1.6 sport=7 dport=5556 [ASSURED] mark=0 use=1',
  'udp      17 29 src=10.42.1.6 dst=10.43.0.1 sport=5557 dport=81 [UNREPLIED] src=10.43.0.1 dst=10.42.1.6 sport=81 dport=5557 mark=0 use=1',
  'udp      17 29 src=10.90.0.1 dst=10.90.0.11 sport=6666 dport=30081 src=10.42.1.5 dst=10.42.1.1 sport=7 dport=6666 mark=0 use=1',
  'udp      17 29 src=10.90.0.11 dst=8.8.8.8 sport=6667 dport=30081 src=8.8.8.8 dst=10.90.0.11 sport=30081 dport=6667 mark=0 use=1',
  'udp      17 29 src=10.42.1.6 dst=10.43.0.2 sport=5555 dport=53 src=10.42.1.5 dst=10.42.1.6 sport=7 dport=5555 mark=0 use=1',
  '',
].join('\n');

const frontend = (more: Partial<UdpFrontend>): UdpFrontend => ({
  ip: '10.43.0.1',
  port: 81,
  family: 'IPv4',
  endpoints: new Set(['10.42.2.5']),
  ...more,
});

describe('stale UDP flows', () => {
  test('are those to a changed port that lead to none of its endpoints, or were never translated', () => {
    const ports = (frontends: readonly UdpFrontend[]) =>
      staleFlows(parseFlows(listing), frontends).map(({ fromPort }) => fromPort);
    assert.deepEqual(ports([frontend({})]), [5555, 5557]);
    assert.deepEqual(ports([frontend({ endpoints: new Set() })]), [5555, 5556, 5557]);
    assert.deepEqual(ports([frontend({ ip: undefined, port: 30_081 })]), [6666]);
    assert.deepEqual(ports([frontend({ port: 82 })]), []);
  });

  test('are listed once, and forgotten by endpoint and not one by one: a client may have thousands', async () => {
    const ran: string[] = [];
    const flows = new StaleFlows(silentLogger, (program, args) => {
      ran.push([program, ...args].join(' '));
      return Promise.resolve({ code: 0, stdout: args.includes('-L') ? listing : '', stderr: '' });
    });
    await flows.forget([]);
    assert.deepEqual(ran, []);
    await flows.forget([frontend({})]);
    const flows81 = (answerer: string) =>
      `conntrack -D -f ipv4 -p udp --orig-dst 10.43.0.1 --orig-port-dst 81 --reply-src ${answerer}`;
    const expected = ['conntrack -L -f ipv4 -p udp --orig-dst 10.43.0.1', flows81('10.42.1.5'), flows81('10.43.0.1')];
    assert.deepEqual(ran, expected);
    const lines = Array.from(
      { length: 2000 },
      (_, port) =>
        `udp 17 29 src=10.42.1.6 dst=10.43.0.1 sport=${port} dport=81 src=10.42.1.5 dst=10.42.1.6 sport=7 dport=${port}`,
    );
    const all: string[] = [];
    const many = new StaleFlows(silentLogger, (program, args) => {
      all.push([program, ...args].join(' '));
      return Promise.resolve({ code: 0, stdout: args.includes('-L') ? lines.join('\n') : '', stderr: '' });
    });
    await many.forget([frontend({})]);
    assert.deepEqual(all, expected.slice(0, 2));
    ran.length = 0;
    await flows.forget([frontend({}), frontend({ ip: undefined, port: 30_081 })]);
    assert.equal(ran[0], 'conntrack -L -f ipv4 -p udp');
  });

  test('a machine without conntrack is told of once', async () => {
    const warnings: string[] = [];
    const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const flows = new StaleFlows(log, () =>
      Promise.reject(new CommandError('conntrack -L', 'the program is not installed')),
    );
    await flows.forget([frontend({})]);
    await flows.forget([frontend({})]);
    assert.equal(warnings.length, 1);
  });
});
