/** Files that only their owner may read, replaced as a whole: a reader sees the old or the new one, never a part. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export async function writePrivateFile(file: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** The same at once, and on disk when it returns: for what must not be lost once something relies on it. */
export function replacePrivateFile(file: string, content: string): void {
  // Made anew: one that is there may be a link, or held open by somebody else.
  rmSync(`${file}.new`, { force: true });
  const handle = openSync(`${file}.new`, 'wx', 0o600);
  try {
    writeSync(handle, content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(`${file}.new`, file);
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
}
