import assert from 'node:assert/strict';
import { test } from 'node:test';
import { make } from '../testing.ts';
import { hostsFile } from './hosts-file.ts';

test('a hosts file begins with upstream’s heading, which tells a pod on the node’s network from others', () => {
  const own = hostsFile(make.pod({ subdomain: 'sub' }), ['10.42.0.5', 'fd00::5'], '', 'cluster.local');
  assert.match(own, /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
  assert.match(own, /^10\.42\.0\.5\tweb\.sub\.default\.svc\.cluster\.local\tweb$/m);
  assert.match(own, /^fd00::5\tweb\.sub\.default\.svc\.cluster\.local\tweb$/m);
  const hostAliases = [{ ip: '203.0.113.7', hostnames: ['db', 'database'] }];
  const shared = hostsFile(make.pod({ hostNetwork: true, hostAliases }), [], '127.0.0.1 localhost\n', 'cluster.local');
  assert.equal(
    shared,
    '# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n\n# Entries added by HostAliases.\n203.0.113.7\tdb\tdatabase\n',
  );
});
