/**
 * `naru token-key …`: the keys that sign service accounts' tokens, and how one follows another (`server/service-accounts/key-rotation.ts`).
 * They change the file; a running server takes it over within seconds.
 */
import { existsSync } from 'node:fs';
import type { Home } from '../home.ts';
import { RealClock } from '../lib/clock.ts';
import {
  RotationRefused,
  signingBlock,
  withNewKey,
  withoutKey,
  withSigningKey,
} from '../server/service-accounts/key-rotation.ts';
import { type KeyBlock, readKeyBlocks, writeKeyBlocks } from '../server/service-accounts/signing-key.ts';
import { UserError } from './user-error.ts';

export interface StepOptions {
  /** Although tokens may be refused for it. */
  readonly force?: boolean;
}

export async function listTokenKeys(home: Home): Promise<void> {
  const blocks = await mustRead(home);
  const signing = signingBlock(blocks);
  const idWidth = Math.max(...blocks.map(({ key }) => key.id.length));
  console.log(`${'ID'.padEnd(idWidth)}  ALGORITHM  ROLE      ADDED                     RETIRED`);
  for (const block of blocks) {
    const { key, added = '-', retired = '-' } = block;
    const role = block === signing ? 'signs' : 'verifies';
    console.log(
      `${key.id.padEnd(idWidth)}  ${key.algorithm.padEnd(9)}  ${role.padEnd(8)}  ${added.padEnd(24)}  ${retired}`,
    );
  }
}

export async function addTokenKey(home: Home): Promise<void> {
  const after = await change(home, (blocks, nowMs) => withNewKey(blocks, nowMs));
  const { id } = (after.at(-1) as KeyBlock).key;
  console.log(`Key ${id} verifies tokens from now on, and is published.`);
  console.log(`In an hour, when everybody knows it, let it sign: naru token-key use ${id}`);
}

export async function useTokenKey(home: Home, id: string, { force = false }: StepOptions): Promise<void> {
  const after = await change(home, (blocks, nowMs) => withSigningKey(blocks, id, nowMs, { tooEarly: force }));
  console.log(`Key ${signingBlock(after)?.key.id} signs tokens from now on; the others go on verifying theirs.`);
}

export async function removeTokenKey(home: Home, id: string, { force = false }: StepOptions): Promise<void> {
  const after = await change(home, (blocks, nowMs) => withoutKey(blocks, id, nowMs, { tooEarly: force }));
  console.log(`Removed: what it signed is refused from now on. ${after.length} left.`);
}

async function change(
  home: Home,
  step: (blocks: readonly KeyBlock[], nowMs: number) => readonly KeyBlock[],
): Promise<readonly KeyBlock[]> {
  const before = await mustRead(home);
  try {
    const after = step(before, new RealClock().now());
    if (after !== before) await writeKeyBlocks(home.tokenKey, after);
    return after;
  } catch (error) {
    if (!(error instanceof RotationRefused)) throw error;
    throw new UserError(`${error.message}${error.isEarly ? ', or take the risk: --force' : ''}`);
  }
}

/** @throws UserError where there are no keys yet */
async function mustRead(home: Home): Promise<readonly KeyBlock[]> {
  const blocks = existsSync(home.tokenKey) ? await readKeyBlocks(home.tokenKey) : undefined;
  if (blocks !== undefined) return blocks;
  throw new UserError(`there are no keys in ${home.root} yet; the first start makes one: naru up`);
}
