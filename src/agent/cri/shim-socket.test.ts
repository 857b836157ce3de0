import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shimSocket } from './shim-socket.ts';

test('a shim’s socket is named as containerd names it, and no two containerds or sandboxes share one', () => {
  const of = (home: string, id: string): string => shimSocket(`${home}/containerd/c.sock`, 'k8s.io', id);
  // sha256 of "/var/lib/naru/containerd/c.sock/k8s.io/abc"
  assert.equal(
    of('/var/lib/naru', 'abc'),
    '/run/containerd/s/54b7a2a8a87dfca1cd3e88fef25d5cf6520a63a04fca38ec645cbf0ebce0908d',
  );
  assert.equal(new Set([of('/a', 'x'), of('/a', 'y'), of('/b', 'x'), of('/b', 'y')]).size, 4);
});
