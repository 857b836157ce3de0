/** Files that only their owner may read, replaced as a whole: a reader sees the old or the new one, never a part. */
import { rename, writeFile } from 'node:fs/promises';

export async function writePrivateFile(file: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
