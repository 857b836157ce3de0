/** Paths of a Compose file: relative ones start from the project's folder, `~` is the user's home. */
import os from 'node:os';
import path from 'node:path';

export function absolute(text: string, directory: string): string {
  if (text === '~' || text.startsWith('~/')) return path.join(os.homedir(), text.slice(1));
  return path.resolve(directory, text);
}

/** What is fetched, not read: a URL, or a Git address. */
export const isAddress = (text: string): boolean =>
  /^[a-z][a-z0-9+.-]*:\/\//i.test(text) || /^(git@|github\.com\/)/.test(text) || text.startsWith('oci:');
