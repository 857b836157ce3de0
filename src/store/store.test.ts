/** The contract (`contract.ts`) on every implementation. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { type OpenStore, storeContract } from './contract.ts';
import { MemoryStore } from './memory-store.ts';
import { SqliteStore } from './sqlite-store.ts';

type Options = NonNullable<Parameters<OpenStore>[0]>;

const common = ({ historyEventsMax }: Options) => ({
  clock: new VirtualClock(),
  log: silentLogger,
  ...(historyEventsMax !== undefined && { history: { eventsMax: historyEventsMax } }),
});

storeContract('memory', async (options = {}) => {
  const store = new MemoryStore(common(options));
  await store.start();
  return { store, cleanup: () => store.close() };
});

storeContract('SQLite', async (options = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'naru-store-'));
  const open = async (): Promise<SqliteStore> => {
    const store = new SqliteStore({ file: join(folder, 'naru.db'), ...common(options) });
    await store.start();
    return store;
  };
  let store = await open();
  const reopen = async (): Promise<SqliteStore> => {
    await store.close();
    store = await open();
    return store;
  };
  const cleanup = async (): Promise<void> => {
    await store.close();
    rmSync(folder, { recursive: true });
  };
  return { store, reopen, cleanup };
});
