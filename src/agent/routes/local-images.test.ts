/** What a node gives of its own images; the programs that make the archive are stood in for. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { localImagePath } from '../../api/shared-images.ts';
import { StatusError } from '../../api/status-error.ts';
import { silentLogger } from '../../lib/log.ts';
import { exportArchive } from '../containerd/export-archive.ts';
import { localImages } from './local-images.ts';

const id = `sha256:${'a'.repeat(64)}`;
const name = 'docker.io/shop/web:1';

async function ask(exports: ((name: string) => Readable) | undefined, wanted = name, wantedId = id) {
  const local = { list: async () => [{ name, id, importedAtMs: 1 }] };
  const route = localImages(exports && { local, archives: { export: exports }, log: silentLogger });
  return () => {
    const [place = '', query = ''] = localImagePath(wanted, wantedId).split('?');
    const request = { method: 'GET', path: place, headers: {}, signal: new AbortController().signal };
    return route.answer({ request, path: place, query: new URLSearchParams(query) });
  };
}

const isMissing = (words: RegExp) => (error: unknown) =>
  error instanceof StatusError && error.code === 404 && words.test(error.message);

test('only what was imported here is given, while it is what was told', async () => {
  const never = (): Readable => assert.fail('nothing is exported');
  await assert.rejects(await ask(undefined), isMissing(/does not serve/));
  await assert.rejects(await ask(never, 'docker.io/library/secret:1'), isMissing(/secret:1 is no longer there$/));
  await assert.rejects(await ask(never, name, `sha256:${'b'.repeat(64)}`), isMissing(/web:1 is no longer there$/));
});

test('four are given at a time; who went away meanwhile is left out', async () => {
  const made: PassThrough[] = [];
  const exports = (): Readable => {
    made.push(new PassThrough());
    return made.at(-1) as PassThrough;
  };
  const give = await ask(exports);
  const bodies: Readable[] = [];
  for (let index = 0; index < 6; index++) bodies.push((await give()).body);
  assert.equal(made.length, 4);
  bodies[4]?.destroy();
  made[0]?.end('archive');
  assert.equal(await text(bodies[0] ?? assert.fail()), 'archive');
  while (made.length < 5) await new Promise(setImmediate);
  made[4]?.end('last');
  assert.equal(await text(bodies[5] ?? assert.fail()), 'last');
  assert.equal(made.length, 5);
});

test('an archive is what ctr writes, whole or broken off with its words', async (context) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-ctr-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const ctr = path.join(folder, 'ctr');
  writeFileSync(ctr, '#!/bin/sh\nprintf "%s " "$@"\n[ "$8" = good ] || { echo "no such image" >&2; exit 1; }\n');
  chmodSync(ctr, 0o700);
  assert.equal(
    await text(exportArchive('/c.sock', ctr, 'good')),
    '--address /c.sock --namespace k8s.io images export - good ',
  );
  await assert.rejects(text(exportArchive('/c.sock', ctr, 'gone')), /^Error: gone cannot be exported: no such image$/);
  await assert.rejects(text(exportArchive('/c.sock', path.join(folder, 'none'), 'x')), /ENOENT/);
});
