import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerPort, Pod } from '../../api/schema/types/core-v1.ts';
import { PortBook } from './port-book.ts';

function pod(uid: string, port: ContainerPort | undefined, startTime?: string): Pod {
  const containers = [{ name: 'c', image: 'i', ...(port && { ports: [port] }) }];
  return { metadata: { uid }, spec: { containers }, ...(startTime !== undefined && { status: { startTime } }) };
}

const port = (changes: Partial<ContainerPort> = {}): ContainerPort => ({
  containerPort: 80,
  hostPort: 8080,
  ...changes,
});

test('a port is held by one pod until that lets go of it', () => {
  const book = new PortBook();
  assert.equal(book.admit(pod('a', port())), undefined);
  assert.equal(book.admit(pod('b', port()))?.reason, 'NodePorts');
  book.release('b');
  assert.equal(book.admit(pod('b', port()))?.reason, 'NodePorts');
  book.release('a');
  assert.equal(book.admit(pod('b', port())), undefined);
});

test('another protocol or address is another port, and all addresses are each of them', () => {
  const book = new PortBook();
  assert.equal(book.admit(pod('a', port({ hostIP: '10.0.0.1' }))), undefined);
  assert.equal(book.admit(pod('b', port({ hostIP: '10.0.0.2' }))), undefined);
  assert.equal(book.admit(pod('c', port({ protocol: 'UDP' }))), undefined);
  assert.equal(book.admit(pod('d', port()))?.reason, 'NodePorts');
});

test('a pod that was started before keeps its ports, and a pod without ports is not asked', () => {
  const book = new PortBook();
  assert.equal(book.admit(pod('new', port())), undefined);
  assert.equal(book.admit(pod('old', port(), '2026-01-01T00:00:00Z')), undefined);
  assert.equal(book.admit(pod('none', undefined)), undefined);
  book.release('new');
  assert.equal(book.admit(pod('newer', port()))?.reason, 'NodePorts');
});
