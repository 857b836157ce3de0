/**
 * Follows the file of the signing keys while the server runs, so that a rotation needs no restart: looks every few seconds whether it
 * has changed. Kept true: a file that cannot be used changes nothing, and is named in the log once.
 */
import { stat } from 'node:fs/promises';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import { readKeyBlocks, type SigningKeys } from './signing-key.ts';

export interface KeyFileOptions {
  readonly file: string;
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly log: Logger;
}

export class KeyFile implements Service {
  readonly name = 'token keys';
  readonly #options: KeyFileOptions;
  readonly #closing = new AbortController();
  #seen = '';
  #work: Promise<void> = Promise.resolve();

  constructor(options: KeyFileOptions) {
    this.#options = options;
  }

  /** The first look is at what was read at the start: it changes nothing. */
  async start(): Promise<void> {
    this.#work = this.#follow();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#work;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      await this.#look();
      await this.#options.clock.sleep(limits.keyFileLookMs, signal).catch(() => {});
      if (signal.aborted) return;
    }
  }

  async #look(): Promise<void> {
    const { file, keys, log } = this.#options;
    const seen = await stat(file).then(
      ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`,
      () => 'missing',
    );
    if (seen === this.#seen) return;
    this.#seen = seen;
    try {
      const blocks = await readKeyBlocks(file);
      if (blocks === undefined) throw new Error(`${file} is gone; put it back from a copy`);
      if (same(blocks, keys)) return;
      keys.replace(blocks.map(({ key }) => key));
      log.info('the keys of service accounts’ tokens have changed', {
        file,
        keys: blocks.length,
        signs: keys.signing.id,
      });
    } catch (error) {
      log.error('the keys of service accounts’ tokens cannot be read; those known so far hold', { file, error });
    }
  }
}

/** `keys` are those of `blocks`, in their order. */
function same(blocks: readonly { readonly key: { readonly id: string } }[], keys: SigningKeys): boolean {
  const ids = [...blocks.map(({ key }) => key.id), signingIdOf(blocks)];
  const known = [...keys.all.map(({ id }) => id), keys.signing.id];
  return ids.length === known.length && ids.every((id, index) => id === known[index]);
}

const signingIdOf = (blocks: readonly { readonly key: { readonly id: string } }[]): string =>
  blocks.find(({ key }) => 'privateKey' in key)?.key.id ?? '';
