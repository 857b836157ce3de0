import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainContainer } from '../../runtime-contract.ts';
import { recursiveMounts, withVolumes } from './with-volumes.ts';

const image = { name: 'app:1', id: 'sha256:1' };
const mount = { hostPath: '/a', containerPath: '/a', readOnly: true };

test('a container’s groups and devices grow by those of the volumes, and what is read-only in depth is remembered on it', () => {
  const plain = plainContainer('app', image, ['true']);
  const own = { ...plain, security: { ...plain.security, supplementalGroups: [5, 7] } };
  const device = { hostPath: '/dev/sda', containerPath: '/dev/xvda', permissions: 'mrw' };
  const mounts = [mount, { ...mount, containerPath: '/b', recursiveReadOnly: true }];
  const config = withVolumes(own, { mounts, devices: [device], groups: [7, 9] });
  assert.deepEqual(config.security.supplementalGroups, [5, 7, 9]);
  assert.deepEqual(config.devices, [device]);
  assert.deepEqual([...recursiveMounts(config.annotations)], ['/b']);
});

test('volumes that ask for nothing leave a container as it is', () => {
  const plain = plainContainer('app', image, ['true']);
  assert.deepEqual(withVolumes(plain, { mounts: [mount], devices: [], groups: [] }), plain);
  assert.equal(recursiveMounts(plain.annotations).size, 0);
  assert.equal(recursiveMounts(undefined).size, 0);
});
