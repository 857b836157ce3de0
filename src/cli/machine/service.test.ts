import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { homeOf } from '../../home.ts';
import {
  hasSystemd,
  installService,
  isService,
  removeService,
  restoreService,
  type SystemdPlaces,
  serviceText,
  trustedFolders,
  unitName,
  unitText,
  wantsService,
} from './service.ts';

interface Lab {
  readonly places: SystemdPlaces;
  /** What systemctl was told, a line each. */
  readonly calls: () => string[];
  readonly fail: () => void;
}

/** A machine with a systemctl that writes down what it is told. */
function startLab(t: TestContext): Lab {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-units-'));
  const places = { runtime: path.join(folder, 'runtime'), units: path.join(folder, 'units') };
  for (const each of Object.values(places)) mkdirSync(each);
  const [log, broken] = [path.join(folder, 'log'), path.join(folder, 'broken')];
  const script = `#!/bin/sh\necho "$*" >>${log}\nif [ -e ${broken} ]; then echo "Unit is masked." >&2; exit 1; fi\n`;
  writeFileSync(path.join(folder, 'systemctl'), script, { mode: 0o755 });
  const before = process.env['PATH'];
  process.env['PATH'] = `${folder}:${before}`;
  t.after(() => {
    process.env['PATH'] = before;
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    places,
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
    fail: () => writeFileSync(broken, ''),
  };
}

const home = homeOf('/var/lib/naru');

test('a service is written, enabled and started; a second time changes nothing; removed, nothing is left', async (t) => {
  const { places, calls } = startLab(t);
  assert.equal(isService(home, places), false);
  await installService(home, 'run', places);
  assert.deepEqual(calls(), ['daemon-reload', 'enable naru.service', 'start naru.service']);
  const text = serviceText(home, places);
  for (const line of [
    /^ExecStart=\/\S*\/naru run$/m,
    /^Environment=NARU_HOME=\/var\/lib\/naru$/m,
    /^Restart=always$/m,
    /^KillMode=process$/m,
    /^Delegate=yes$/m,
    /^LimitNOFILE=\d+$/m,
    /^WantedBy=multi-user.target$/m,
  ]) {
    assert.match(text, line);
  }
  await installService(home, 'run', places);
  assert.deepEqual(calls().slice(3), ['enable naru.service', 'start naru.service']);
  assert.equal(await removeService(home, places), true);
  assert.deepEqual(calls().slice(5), ['disable --now naru.service', 'daemon-reload']);
  assert.equal(isService(home, places), false);
  assert.equal(await removeService(home, places), false);
});

test('a unit that was there before comes back as it was', async (t) => {
  const { places, calls } = startLab(t);
  await installService(home, 'run', places);
  const text = serviceText(home, places);
  await removeService(home, places);
  await restoreService(home, text, places);
  assert.equal(serviceText(home, places), text);
  assert.deepEqual(calls().slice(-2), ['daemon-reload', 'enable --now naru.service']);
});

test('without systemd a service is refused, and nothing is written', async (t) => {
  const { places } = startLab(t);
  rmSync(places.runtime, { recursive: true });
  assert.equal(hasSystemd(places), false);
  await assert.rejects(installService(home, 'agent', places), /no systemd on this machine/);
  assert.equal(isService(home, places), false);
});

test('what systemctl says is told', async (t) => {
  const { places, fail } = startLab(t);
  fail();
  await assert.rejects(installService(home, 'run', places), /systemctl daemon-reload failed \(Unit is masked\.\)/);
});

test('nobody is asked without a terminal: as told, or as it is', async (t) => {
  const { places } = startLab(t);
  assert.equal(await wantsService(home, {}, places), false);
  assert.equal(await wantsService(home, { service: true }, places), true);
  await installService(home, 'run', places);
  assert.equal(await wantsService(home, {}, places), true);
  assert.equal(await wantsService(home, { service: false }, places), false);
});

test('every home has a unit of its own', () => {
  assert.equal(unitName(home), 'naru.service');
  assert.match(unitName(homeOf('/srv/other')), /^naru-[0-9a-f]{8}\.service$/);
});

test('paths with blanks, percent and dollar signs are quoted as systemd wants it', () => {
  const text = unitText({
    home: homeOf('/srv/a "b" 100%'),
    role: 'agent',
    launcher: '/opt/$naru dir/naru',
    searchPath: '/usr/bin:/bin',
  });
  assert.match(text, /^ExecStart="\/opt\/\$\$naru dir\/naru" agent$/m);
  assert.match(text, /^Environment="NARU_HOME=\/srv\/a \\"b\\" 100%%"$/m);
});

const analyze = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find((file) => existsSync(file));

test('systemd itself finds nothing wrong with a unit', {
  skip: analyze === undefined && 'systemd is not installed',
}, (t) => {
  const { places } = startLab(t);
  const file = path.join(places.units, 'naru.service');
  writeFileSync(file, unitText({ home, role: 'run', launcher: '/bin/true', searchPath: '/usr/bin:/bin' }));
  execFileSync(analyze ?? '', ['verify', '--man=no', file], { stdio: 'pipe' });
});

test('a service searches no folder that everybody may write into, nor one that depends on where it stands', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-path-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [open, own] = [path.join(folder, 'open'), path.join(folder, 'own')];
  for (const each of [open, own]) mkdirSync(each);
  chmodSync(open, 0o777);
  const system = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  assert.equal(trustedFolders(`.::bin:${open}:${folder}/none:${own}`), `${own}:${system}`);
  assert.equal(trustedFolders(''), system);
});
