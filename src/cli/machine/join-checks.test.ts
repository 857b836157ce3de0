import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../api/schema/types/core-v1.ts';
import { parseDuration } from './duration-option.ts';
import { checkNodeName, clockWarning, nameProblem, serverUrl, versionProblem } from './join-checks.ts';

test('a server is written in any usual way', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['192.168.1.5', 'https://192.168.1.5:6443'],
    ['192.168.1.5:7443', 'https://192.168.1.5:7443'],
    ['https://api.example.com', 'https://api.example.com:6443'],
    ['https://api.example.com:443', 'https://api.example.com:443'],
    ['https://api.example.com/', 'https://api.example.com:6443'],
    ['fd00::1', 'https://[fd00::1]:6443'],
    ['[fd00::1]:7443', 'https://[fd00::1]:7443'],
  ];
  for (const [text, url] of rows) assert.equal(serverUrl(text), url, text);
  for (const text of ['', 'http://a', 'a/b', 'https://u:p@a', 'a b', 'a:99999']) {
    assert.throws(() => serverUrl(text), /is no server/, text);
  }
});

test('names of nodes are names of hosts', () => {
  for (const name of ['n1', 'rack3-a', 'a.example.com']) checkNodeName(name);
  for (const name of ['', 'A', '-a', 'a_b', 'a'.repeat(64)])
    assert.throws(() => checkNodeName(name), /is no name for a node/);
});

test('a clock that is off is told of, and one that is far off refuses', () => {
  const serverMs = Date.UTC(2026, 0, 1);
  const date = new Date(serverMs).toUTCString();
  assert.equal(clockWarning(date, serverMs + 2_000), undefined);
  assert.equal(clockWarning(undefined, serverMs), undefined);
  assert.match(clockWarning(date, serverMs + 60_000) ?? '', /clock is 60 s ahead of the server/);
  assert.match(clockWarning(date, serverMs - 200_000) ?? '', /clock is 3 minutes behind the server/);
  assert.throws(() => clockWarning(date, serverMs + 3 * 3_600_000), /3 hours ahead of .* set the clock/);
});

test('a node may be three minor versions older than its server, and never newer', () => {
  const version = (minor: string) => ({ major: '1', minor });
  assert.equal(versionProblem(version('36'), version('36')), undefined);
  assert.equal(versionProblem(version('36+'), version('33')), undefined);
  assert.match(versionProblem(version('35'), version('36')) ?? '', /may not be newer than its server/);
  assert.match(versionProblem(version('40'), version('36')) ?? '', /three|3 minor versions older at most/);
});

test('a name is taken by a machine that is up, or by another machine', () => {
  const own = { machineId: 'm1', systemUuid: 'u1' };
  const node = (ready: string, machineID: string): Node =>
    ({
      metadata: { name: 'n1' },
      status: {
        conditions: [{ type: 'Ready', status: ready }],
        nodeInfo: { machineID, systemUUID: machineID === 'm1' ? 'u1' : 'u2' },
      },
    }) as unknown as Node;
  assert.equal(nameProblem(undefined, own), undefined);
  assert.match(nameProblem(node('True', 'm1'), own) ?? '', /has a node n1 already, and it is up/);
  assert.match(nameProblem(node('Unknown', 'm2'), own) ?? '', /on another machine, .* naru node remove n1/);
  assert.equal(nameProblem(node('Unknown', 'm1'), own), undefined, 'this machine, installed anew');
});

test('times in options', () => {
  const rows: readonly (readonly [string, number])[] = [
    ['0', 0],
    ['30s', 30_000],
    ['24h', 86_400_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
  ];
  for (const [text, ms] of rows) assert.equal(parseDuration('--ttl', text), ms);
  for (const text of ['', '5', '-1h', '1y', '0s', '99999d'])
    assert.throws(() => parseDuration('--ttl', text), /--ttl takes a time/);
});
