/**
 * The addresses of the cluster's name server on this machine: each node holds them on `lo`, so that its pods, and itself, ask the name server that is
 * nearest. They stay when the agent ends, and are taken away by `naru down`, which finds in a file which they are.
 */
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { writePrivateFile } from '../../lib/private-file.ts';
import { canonicalAddress } from './addresses.ts';

const run = promisify(execFile);

/** Where this home's parts of the network keep their state. */
export const addressFile = (folder: string): string => path.join(folder, 'dns-addresses.json');

/** Idempotent. Rejects with `ip`'s words. */
export async function holdAddress(address: string): Promise<void> {
  const quick = isIPv6(address) ? ['nodad'] : [];
  await ip(['addr', 'replace', networkOf(address), 'dev', 'lo', ...quick]);
}

/** Idempotent. */
export async function dropAddress(address: string): Promise<void> {
  try {
    await ip(['addr', 'del', networkOf(address), 'dev', 'lo']);
  } catch (error) {
    if (!/Cannot assign requested address|Address not found/.test(String(error))) throw error;
  }
}

function networkOf(address: string): string {
  return `${address}/${isIPv6(address) ? 128 : 32}`;
}

async function ip(parameters: readonly string[]): Promise<void> {
  try {
    await run('ip', [...parameters], { timeout: 10_000 });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new Error(`ip ${parameters.join(' ')} failed: ${said || String(error)}`, { cause: error });
  }
}

/** Those that an earlier start of this home's agent took, too. */
export async function heldAddresses(folder: string): Promise<readonly string[]> {
  try {
    const content: unknown = JSON.parse(await fs.readFile(addressFile(folder), 'utf8'));
    return Array.isArray(content) ? content.filter((item) => typeof item === 'string' && canonicalAddress(item)) : [];
  } catch {
    return [];
  }
}

export async function noteAddresses(folder: string, addresses: readonly string[]): Promise<void> {
  await writePrivateFile(addressFile(folder), JSON.stringify(addresses));
}

/** For `naru down`: what this home put on `lo` goes. Idempotent. */
export async function dropHeldAddresses(folder: string): Promise<void> {
  for (const address of await heldAddresses(folder)) await dropAddress(address);
  await fs.rm(addressFile(folder), { force: true });
}
