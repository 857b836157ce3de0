/** An image of a containerd of ours as an archive, by ctr, which comes with it: the CRI has no way to do it. */
import { spawn } from 'node:child_process';
import { PassThrough, type Readable } from 'node:stream';

const wordsMax = 4096;

/** Bytes as they come. Where ctr fails, its words are the stream's error; destroying the stream ends it. */
export function exportArchive(address: string, ctr: string, name: string): Readable {
  const args = ['--address', address, '--namespace', 'k8s.io', 'images', 'export', '-', name];
  const child = spawn(ctr, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const archive = new PassThrough();
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (words.length < wordsMax) words += text;
  });
  child.stdout.pipe(archive, { end: false });
  child.once('error', (error) => archive.destroy(error));
  child.once('close', (code) => {
    if (code === 0) archive.end();
    else archive.destroy(new Error(`${name} cannot be exported: ${words.trim() || `ctr ended with ${code}`}`));
  });
  archive.once('close', () => child.kill('SIGKILL'));
  return archive;
}
