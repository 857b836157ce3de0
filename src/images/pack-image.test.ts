import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { readElf } from './elf.ts';
import { configuredFolders, elfFactsOf, neededBy } from './library-search.ts';
import { packImage } from './pack-image.ts';

const onLinux = { skip: process.platform === 'linux' ? false : 'looks at Linux programs' };

/** A shared object with a dynamic section: what of ELF the reader reads, and no more. */
function sharedObject(facts: { needed?: string[]; runpath?: string; rpath?: string; machine?: number }): Buffer {
  const strings: string[] = [''];
  const offsetOf = (text: string): number => {
    const offset = Buffer.byteLength(strings.join('\0'));
    strings[strings.length - 1] = text;
    strings.push('');
    return offset;
  };
  const tags: [number, number][] = (facts.needed ?? []).map((name) => [1, offsetOf(name)]);
  if (facts.rpath !== undefined) tags.push([15, offsetOf(facts.rpath)]);
  if (facts.runpath !== undefined) tags.push([29, offsetOf(facts.runpath)]);
  const table = Buffer.from(strings.join('\0'));
  const header = Buffer.alloc(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(3, 16);
  header.writeUInt16LE(facts.machine ?? 62, 18);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(2, 56);
  const dynamicAt = 64 + 2 * 56;
  const stringsAt = dynamicAt + (tags.length + 3) * 16;
  const all: [number, number][] = [...tags, [5, 0x1000 + stringsAt], [10, table.length], [0, 0]];
  const dynamic = Buffer.alloc(all.length * 16);
  all.forEach(([tag, value], index) => {
    dynamic.writeBigInt64LE(BigInt(tag), index * 16);
    dynamic.writeBigUInt64LE(BigInt(value), index * 16 + 8);
  });
  const segments = Buffer.alloc(2 * 56);
  const size = stringsAt + table.length;
  const put = (index: number, type: number, offset: number, address: number, bytes: number): void => {
    segments.writeUInt32LE(type, index * 56);
    for (const [at, value] of [
      [8, offset],
      [16, address],
      [32, bytes],
    ] as const) {
      segments.writeBigUInt64LE(BigInt(value), index * 56 + at);
    }
  };
  put(0, 1, 0, 0x1000, size);
  put(1, 2, dynamicAt, 0x1000 + dynamicAt, dynamic.length);
  return Buffer.concat([header, segments, dynamic, table]);
}

describe('packing programs', onLinux, () => {
  let folder = '';
  const put = (name: string, content: Buffer | string, mode = 0o755): string => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
    return file;
  };
  before(() => {
    folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'naru-pack-')));
  });
  after(() => rmSync(folder, { recursive: true }));

  test('an ELF file tells its loader and libraries; other files tell nothing', async () => {
    const facts = await elfFactsOf('/bin/sh');
    assert.match(facts?.interpreter ?? '', /\/ld-/);
    assert.ok(facts?.needed.some((name) => name.startsWith('libc.')));
    assert.equal(await elfFactsOf(put('script', '#!/bin/sh\n')), undefined);
    assert.equal(await elfFactsOf(put('nothing', '')), undefined);
  });

  test('a damaged ELF file is an error, whatever is damaged, and never a crash of another kind', async () => {
    const whole = sharedObject({ needed: ['libx.so'], runpath: '/r' });
    const read = (bytes: Buffer) => (offset: number, size: number) =>
      Promise.resolve(bytes.subarray(offset, offset + size));
    assert.deepEqual((await readElf(read(whole)))?.needed, ['libx.so']);
    for (let size = 4; size < whole.length; size++) {
      await readElf(read(whole.subarray(0, size))).catch((error: Error) => assert.match(error.message, /ELF/));
    }
    for (let at = 20; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = 0xff;
      await readElf(read(damaged)).catch((error: Error) => assert.match(error.message, /ELF/));
    }
  });

  test('libraries are found beside the program, by RUNPATH of their own and RPATH of their loaders, for its machine only', async () => {
    const program = put(
      'bin/program',
      sharedObject({ needed: ['liba.so', 'libc-of-a.so'], runpath: '$ORIGIN/../lib' }),
    );
    put('lib/liba.so', sharedObject({ needed: ['libdeep.so', 'libgone.so'], rpath: `${folder}/deep` }));
    put('lib/libc-of-a.so', sharedObject({ machine: 183 }));
    put('system/libc-of-a.so', sharedObject({}));
    put('deep/libdeep.so', sharedObject({ needed: ['libdeeper.so'] }));
    put('deep/libdeeper.so', sharedObject({ needed: ['liba.so'] }));
    const { files, missing } = await neededBy(program, [path.join(folder, 'system')]);
    const names = ['lib/liba.so', 'system/libc-of-a.so', 'deep/libdeep.so', 'deep/libdeeper.so'];
    assert.deepEqual(files.toSorted(), names.map((name) => path.join(folder, name)).toSorted());
    assert.deepEqual(missing, [`libgone.so, needed by ${folder}/lib/liba.so`]);
  });

  test('the loader’s configuration is read with what it includes', async () => {
    const main = put('ld.so.conf', `include ${folder}/conf.d/*.conf # all\n/opt/one\nhwcap 0 x\n`);
    put('conf.d/b.conf', '/opt/b:/opt/c\n');
    put('conf.d/a.conf', '# nothing\n/opt/a\n');
    assert.deepEqual(await configuredFolders(main), ['/opt/a', '/opt/b', '/opt/c', '/opt/one']);
  });

  test('what was packed runs by itself, in a root of its own', {
    skip: process.getuid?.() === 0 ? false : 'chroot needs root',
  }, async () => {
    const script = put('hello', '#!/usr/bin/env sh\necho "hello $1"\n');
    const output = path.join(folder, 'hello.tar');
    const image = await packImage({ name: 'hello', programs: [script, 'ls'], output, user: '1000' });
    assert.deepEqual(image.missing, []);
    const root = path.join(folder, 'root');
    mkdirSync(root);
    const names = execFileSync('tar', ['-tf', output], { encoding: 'utf8' }).split('\n');
    for (const blob of names.filter((name) => /blobs\/sha256\/./.test(name))) {
      const bytes = execFileSync('tar', ['-xOf', output, blob], { maxBuffer: 1 << 28 });
      if (bytes.length === image.layers[0]?.sizeBytes) execFileSync('tar', ['-x', '-C', root], { input: bytes });
    }
    assert.equal(execFileSync('chroot', [root, script, 'world'], { encoding: 'utf8' }), 'hello world\n');
    assert.match(execFileSync('chroot', [root, 'ls', '-ld', '/tmp'], { encoding: 'utf8' }), /^drwxrwxrwt/);
    assert.match(execFileSync('chroot', [root, 'ls', '/etc'], { encoding: 'utf8' }), /group\nnsswitch.conf\npasswd/);
  });

  test('the signal that ends it is kept under its full name; one that is no signal is refused', async () => {
    const output = path.join(folder, 'signal.tar');
    await packImage({ name: 'signal', programs: ['ls'], output, stopSignal: 'quit' });
    const read = (name: string): string => execFileSync('tar', ['-xOf', output, name], { encoding: 'utf8' });
    const [image] = JSON.parse(read('manifest.json')) as { Config: string }[];
    const { config } = JSON.parse(read(image?.Config ?? '')) as { config: { StopSignal?: string } };
    assert.equal(config.StopSignal, 'SIGQUIT');
    await assert.rejects(
      packImage({ name: 'signal', programs: ['ls'], output, stopSignal: 'SIGNOTHING' }),
      /no signal SIGNOTHING; signals have names such as SIGQUIT/,
    );
  });

  test('a program that is a link comes with its target; one that is not there is named', async () => {
    const real = put('opt/v1/tool', sharedObject({}));
    symlinkSync(real, path.join(folder, 'tool'));
    const output = path.join(folder, 'tool.tar');
    await packImage({ name: 'tool', programs: [path.join(folder, 'tool')], output });
    await assert.rejects(packImage({ name: 'x', programs: ['no-such-program'], output }), /no program no-such-program/);
    await assert.rejects(packImage({ name: 'x', programs: [], output }), /at least one program/);
    await assert.rejects(packImage({ name: 'Bad Name', programs: ['ls'], output }), /Bad Name/);
  });
});
