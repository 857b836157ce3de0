/** The lab that the other tests here stand on: what it makes works, and goes. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { run } from '../harness.ts';
import { NetLab, needsNetwork } from './net-lab.ts';

describe('the lab of networks', needsNetwork, () => {
  const labs: NetLab[] = [];
  after(() => Promise.all(labs.map((lab) => lab.close())));

  test('spaces with a cable, and a pod behind one, reach each other and nothing of it is the machine’s', async () => {
    const lab = await NetLab.open();
    labs.push(lab);
    const [node, outside] = await lab.spaces('node', 'outside');
    await lab.cable([node, 'eth0', '10.0.0.1/24', 'fd00::1/64'], [outside, 'eth0', '10.0.0.2/24', 'fd00::2/64']);
    const pod = await lab.pod(node, 'pod', '10.42.0.5');
    await node.sysctl('net.ipv4.ip_forward', 1);
    await outside.ip('route add 10.42.0.0/24 via 10.0.0.1');
    await pod.echo('http:80', 'tcp:7', 'udp:7');
    await outside.echo('http:80');
    assert.deepEqual(
      await outside
        .http('http://10.42.0.5/x', { 'x-y': 'z' })
        .then(({ client, url, headers }) => [client, url, headers['x-y']]),
      ['10.0.0.2', '/x', 'z'],
    );
    assert.match(await outside.tcp('10.42.0.5', 7), /^pod 10\.0\.0\.2 \d+$/);
    assert.equal(await outside.udp('10.42.0.5', 7, 3000, 4321), 'pod 10.0.0.2 4321');
    assert.equal((await node.http('http://[fd00::2]/')).client, 'fd00::1');
    await assert.rejects(outside.tcp('10.42.0.5', 9), /ECONNREFUSED/);
    assert.doesNotMatch((await run('ip', ['-o', 'link'])).stdout, /v-pod@/);
    await lab.close();
    assert.ok(!existsSync(lab.folder));
    assert.ok(![node, outside, pod].some((space) => existsSync(`/proc/${space.pid}`)));
  });
});
