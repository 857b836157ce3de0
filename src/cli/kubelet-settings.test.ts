import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { defaultKubeletConfiguration } from '../agent/kubelet-configuration.ts';
import { parseKubeletConfiguration } from './kubelet-configuration-file.ts';
import { fieldRows, withoutEffect } from './kubelet-fields.ts';
import { changedKubeletOption, checkNodeIp, kubeletSettings, nodeConfiguration } from './kubelet-settings.ts';

const head = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
const read = (text: string) => parseKubeletConfiguration(`${head}${text}`);

test('a kubelet’s file becomes the agent’s configuration: durations, quantities, maps', () => {
  const { configuration, unused } = read(`
maxPods: 30
staticPodPath: /etc/kubernetes/manifests
containerLogMaxSize: 5Mi
imageMinimumGCAge: 1m30s
evictionHard: { memory.available: 5% }
evictionSoft: { nodefs.available: 20% }
evictionSoftGracePeriod: { nodefs.available: 2m0s }
kubeReserved: { cpu: 100m, memory: 200Mi }
crashLoopBackOff: { maxContainerRestartPeriod: 30s }
seccompDefault: true
allowedUnsafeSysctls: ['kernel.msg*']
syncFrequency: null
authentication: { anonymous: { enabled: false } }
featureGates: { Anything: true }
`);
  assert.deepEqual(configuration, {
    maxPods: 30,
    staticPodPath: '/etc/kubernetes/manifests',
    containerLogMaxSize: '5Mi',
    imageMinimumGCAgeMs: 90_000,
    evictionHard: { 'memory.available': '5%' },
    evictionSoft: { 'nodefs.available': '20%' },
    evictionSoftGracePeriodMs: { 'nodefs.available': 120_000 },
    kubeReserved: { cpu: '100m', memory: '200Mi' },
    crashLoopBackOffMaxMs: 30_000,
    seccompDefault: true,
    allowedUnsafeSysctls: ['kernel.msg*'],
  });
  assert.deepEqual(unused, ['authentication', 'featureGates']);
});

test('thresholds of the file stand alone, unless they are to be merged with the default ones', () => {
  const text = 'mergeDefaultEvictionSettings: true\nevictionHard: { memory.available: 5% }';
  const merged = { ...defaultKubeletConfiguration.evictionHard, 'memory.available': '5%' };
  assert.deepEqual(read(text).configuration.evictionHard, merged);
});

const faults: readonly (readonly [string, RegExp])[] = [
  ['maxPodz: 3', /^Error: unknown field "maxPodz"$/],
  ['toString: 3', /^Error: unknown field "toString"$/],
  ['maxPods: many', /^Error: maxPods must be a whole number, and is "many"$/],
  ['maxPods: -3', /^Error: maxPods must be from 0 to \d+, and is -3$/],
  ['syncFrequency: 10', /^Error: syncFrequency must be a duration such as 1m30s, and is 10$/],
  ['syncFrequency: 10 minutes', /duration/],
  ['syncFrequency: -1s', /duration/],
  ['containerLogMaxSize: big', /^Error: containerLogMaxSize must be a quantity such as 10Mi, and is "big"$/],
  ['evictionHard: { memory.available: 5 }', /^Error: evictionHard must be strings by name/],
  ['imagePullCredentialsVerificationPolicy: Maybe', /must be one of NeverVerify, /],
  ['crashLoopBackOff: { other: 1 }', /^Error: unknown field "crashLoopBackOff\.other"$/],
  ['imageGCLowThresholdPercent: 90', /imageGCLowThresholdPercent \(90\) must be less than/],
  ['evictionSoft: { memory.available: 1Gi }', /evictionSoftGracePeriod does not say how long/],
  ['shutdownGracePeriodCriticalPods: 5s', /must not be longer than shutdownGracePeriod/],
  ['maxPods: x\nseccompDefault: 1', /^Error: maxPods [^;]*; seccompDefault must be true or false, and is 1$/],
];

for (const [text, problem] of faults) {
  test(`a kubelet’s file is refused: ${text.replaceAll('\n', ', ')}`, () => {
    assert.throws(() => read(text), problem);
  });
}

test('a file of another kind or version is refused', () => {
  const problem = /it must be a KubeletConfiguration of kubelet\.config\.k8s\.io\/v1beta1, and is kind "Pod" of "v1"$/;
  assert.throws(() => parseKubeletConfiguration('kind: Pod\napiVersion: v1'), problem);
  assert.throws(() => parseKubeletConfiguration('[]'), /it holds no object/);
});

test('every setting of the agent can be said in the file, and none of them counts as without effect', () => {
  const reached = new Set(Object.entries(fieldRows).map(([name, { to }]) => to ?? name));
  assert.deepEqual(
    Object.keys(defaultKubeletConfiguration).filter((name) => !reached.has(name)),
    [],
  );
  assert.deepEqual(
    Object.keys(fieldRows).filter((name) => withoutEffect.has(name)),
    [],
  );
});

test('paths are kept absolute; the folder on the command line wins over the file’s; empty ones turn both off', async (context) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-kubelet-'));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, 'kubelet.yaml'), `${head}maxPods: 7\nstaticPodPath: manifests\naddress: 0.0.0.0\n`);
  const said: unknown[] = [];
  const log = { warn: (_: string, fields?: object) => void said.push(fields) };
  const told = await kubeletSettings({}, { kubeletConfig: 'kubelet.yaml' }, folder);
  const kubeletConfig = path.join(folder, 'kubelet.yaml');
  assert.deepEqual(await nodeConfiguration(told, log), { maxPods: 7, staticPodPath: path.join(folder, 'manifests') });
  assert.deepEqual(said, [{ kubeletConfig, unused: ['address'] }]);
  const both = await kubeletSettings(told, { staticPods: 'other' }, folder);
  assert.deepEqual(both, { kubeletConfig, staticPods: path.join(folder, 'other') });
  assert.equal((await nodeConfiguration(both)).staticPodPath, path.join(folder, 'other'));
  assert.equal(changedKubeletOption(both, {}, folder), undefined);
  assert.equal(changedKubeletOption(both, { staticPods: 'other' }, folder), undefined);
  assert.equal(changedKubeletOption(both, { staticPods: 'third' }, folder), '--static-pods');
  assert.equal(changedKubeletOption(both, { kubeletConfig: '' }, folder), '--kubelet-config');
  const plugins = await kubeletSettings(both, { pluginFolder: 'plugins' }, folder);
  assert.equal((await nodeConfiguration(plugins)).pluginRoot, path.join(folder, 'plugins'));
  assert.equal(changedKubeletOption(both, { pluginFolder: 'plugins' }, folder), '--plugin-folder');
  assert.deepEqual(await kubeletSettings(plugins, { pluginFolder: '' }, folder), both);
  const off = await kubeletSettings(both, { kubeletConfig: '', staticPods: '' }, folder);
  assert.deepEqual(await nodeConfiguration(off), {});
  await assert.rejects(
    kubeletSettings({}, { kubeletConfig: 'absent.yaml' }, folder),
    /absent\.yaml cannot be used: ENOENT/,
  );
});

test('the machine’s addresses are kept as they were named, and refused where nobody reaches it there', () => {
  const at = (address: string, internal = false) => ({ address, internal });
  const interfaces = {
    lo: [at('127.0.0.1', true)],
    eth0: [at('192.0.2.7'), at('192.0.2.8'), at('2001:db8::7'), at('fe80::7')],
  } as unknown as ReturnType<typeof os.networkInterfaces>;
  for (const good of ['192.0.2.8', '2001:db8::7', '192.0.2.7,2001:db8::7', '2001:db8::7,192.0.2.7']) {
    assert.doesNotThrow(() => checkNodeIp(good, interfaces), good);
  }
  const rows = [
    ['web', /; web is none$/],
    ['192.0.2.7,', /; '' is none$/],
    ['192.0.2.9', /; 192\.0\.2\.9 is on none of its network interfaces$/],
    ['127.0.0.1', /; nobody else reaches 127\.0\.0\.1$/],
    ['192.0.2.7,fe80::7', /; nobody else reaches fe80::7$/],
    ['192.0.2.7,192.0.2.8', /; 192\.0\.2\.7,192\.0\.2\.8 are too many$/],
  ] as const;
  for (const [text, message] of rows) assert.throws(() => checkNodeIp(text, interfaces), { message }, text);
});

test('an address of the machine that cannot be had is refused before it is kept; an empty one turns it off', async () => {
  await assert.rejects(kubeletSettings({}, { nodeIp: '203.0.113.254' }, '/'), { message: /on none of its network/ });
  assert.equal((await kubeletSettings({ nodeIp: '192.0.2.7' }, {}, '/')).nodeIp, '192.0.2.7');
  assert.equal((await kubeletSettings({ nodeIp: '192.0.2.7' }, { nodeIp: '' }, '/')).nodeIp, undefined);
  assert.equal(changedKubeletOption({ nodeIp: '192.0.2.7' }, { nodeIp: '192.0.2.8' }, '/'), '--node-ip');
  assert.equal(changedKubeletOption({}, { nodeIp: '' }, '/'), undefined);
});
