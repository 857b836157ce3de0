/**
 * How one signing key follows another without a token being refused on the way:
 *
 * ```
 *  add      the new key verifies, and is published; the old one signs
 *  use      an hour later, when everybody who keeps the published keys has read them again: the new one signs
 *  remove   when the last token that the old one signed has ended
 * ```
 * Pure: each step makes a new list of keys, or says why it would be too early. The running server takes over what stands in the file
 * (`key-file.ts`).
 */
import { limits } from '../../lib/limits.ts';
import { type KeyBlock, newKeyBlock } from './signing-key.ts';

/** Why a step is not taken; one sentence. */
export class RotationRefused extends Error {
  override name = 'RotationRefused';
  /** Only for the time being: who knows what it costs may go on. */
  readonly isEarly: boolean;

  constructor(message: string, { isEarly = false }: { readonly isEarly?: boolean } = {}) {
    super(message);
    this.isEarly = isEarly;
  }
}

const iso = (nowMs: number): string => new Date(nowMs).toISOString();
const ageMs = (time: string | undefined, nowMs: number): number =>
  time === undefined ? Number.POSITIVE_INFINITY : nowMs - Date.parse(time);

export function signingBlock(blocks: readonly KeyBlock[]): KeyBlock | undefined {
  return blocks.find(({ key }) => 'privateKey' in key);
}

/** @throws RotationRefused */
export function withNewKey(blocks: readonly KeyBlock[], nowMs: number): readonly KeyBlock[] {
  if (blocks.length >= limits.tokenKeysMax) {
    throw new RotationRefused(`there are ${blocks.length} keys already; remove one first`);
  }
  return [...blocks, newKeyBlock(iso(nowMs))];
}

/** @throws RotationRefused; `tooEarly` allows what would refuse tokens for a while */
export function withSigningKey(
  blocks: readonly KeyBlock[],
  id: string,
  nowMs: number,
  { tooEarly = false }: { readonly tooEarly?: boolean } = {},
): readonly KeyBlock[] {
  const chosen = find(blocks, id);
  if (!('privateKey' in chosen.key)) throw new RotationRefused(`of key ${chosen.key.id} only the public half is there`);
  const before = signingBlock(blocks);
  if (before === chosen) return blocks;
  const waitMs = limits.publishedKeysKeptMs - ageMs(chosen.added, nowMs);
  if (waitMs > 0 && !tooEarly) {
    const minutes = Math.ceil(waitMs / 60_000);
    throw new RotationRefused(`others may not know key ${chosen.key.id} yet; try again in ${minutes} minutes`, {
      isEarly: true,
    });
  }
  const { retired: _, ...signing } = chosen;
  const others = blocks.filter((block) => block !== chosen);
  return [signing, ...others.map((block) => (block === before ? { ...block, retired: iso(nowMs) } : block))];
}

/** @throws RotationRefused; `tooEarly` allows what ends tokens that still hold */
export function withoutKey(
  blocks: readonly KeyBlock[],
  id: string,
  nowMs: number,
  { tooEarly = false }: { readonly tooEarly?: boolean } = {},
): readonly KeyBlock[] {
  const chosen = find(blocks, id);
  if (chosen === signingBlock(blocks))
    throw new RotationRefused(`key ${chosen.key.id} signs; let another one sign first`);
  const waitMs = limits.podTokenMsMax - ageMs(chosen.retired, nowMs);
  if (chosen.retired !== undefined && waitMs > 0 && !tooEarly) {
    const days = Math.ceil(waitMs / 86_400_000);
    throw new RotationRefused(`tokens that key ${chosen.key.id} signed may hold for ${days} more days`, {
      isEarly: true,
    });
  }
  return blocks.filter((block) => block !== chosen);
}

/** By the whole id, or by its beginning where that is enough. */
function find(blocks: readonly KeyBlock[], id: string): KeyBlock {
  const found = blocks.filter(({ key }) => id !== '' && key.id.startsWith(id));
  const [first] = found;
  if (first === undefined) throw new RotationRefused(`there is no key ${id}`);
  if (found.length > 1) throw new RotationRefused(`several keys begin with ${id}; name more of it`);
  return first;
}
