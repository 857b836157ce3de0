/**
 * `GET /naru/agent/DIGEST`: an agent's program, for nodes that are upgraded. It lies in the home, where `naru upgrade` put it, named by its SHA-256; who may have
 * it says RBAC.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Answer } from './answer.ts';

/** Undefined where there is none. */
export async function agentProgramAnswer(
  folder: string | undefined,
  segments: readonly string[],
): Promise<Answer | undefined> {
  const [kind, digest = '', ...more] = segments;
  if (folder === undefined || kind !== 'agent' || !/^[0-9a-f]{64}$/.test(digest) || more.length > 0) return undefined;
  try {
    const body = await readFile(path.join(folder, digest));
    return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: [body] };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
