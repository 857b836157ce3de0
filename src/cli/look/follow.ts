/**
 * A watch that lasts as long as its reader: it goes on where the connection ended, from the last version that was seen, and tells where it
 * could not, so that the caller lists again. Ends when standard output does (`naru get pods -w | head -3`).
 */
import { once } from 'node:events';
import process from 'node:process';
import type { JsonObject } from '../../api/object.ts';
import { hasReason } from '../../api/status-error.ts';
import { errorFromStatus } from '../../client/errors.ts';
import type { HttpsClient } from '../../client/https-client.ts';
import { LineSplitter } from '../../client/line-splitter.ts';
import { queryText } from '../../client/resource-path.ts';
import type { Clock } from '../../lib/clock.ts';

export interface FollowRequest {
  readonly path: string;
  readonly parameters: Readonly<Record<string, string | undefined>>;
  readonly accept: string;
  readonly resourceVersion: string;
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: JsonObject;
}

/** `ended`: nobody reads any more. `expired`: list again. */
export type FollowEnd = 'ended' | 'expired';

/** Room for the largest object in its event. */
const lineBytesMax = 16 * 1024 * 1024;
const restMs = 1000;

/** @throws StatusError where the watch is refused, or the server is gone */
export async function follow(
  { client, clock }: { readonly client: Pick<HttpsClient, 'stream'>; readonly clock: Clock },
  request: FollowRequest,
  onEvent: (event: WatchEvent) => void,
): Promise<FollowEnd> {
  let resourceVersion = request.resourceVersion;
  const seen = (event: WatchEvent | { readonly type: 'BOOKMARK'; readonly object: JsonObject }): void => {
    resourceVersion = versionOf(event.object) ?? resourceVersion;
    if (event.type !== 'BOOKMARK') onEvent(event);
  };
  const reader = new Reader();
  try {
    for (;;) {
      const query = queryText({ ...request.parameters, watch: 'true', allowWatchBookmarks: 'true', resourceVersion });
      await readOne(client, request.path + query, request.accept, seen, reader);
      if (reader.hasGone) return 'ended';
      await clock.sleep(restMs);
    }
  } catch (error) {
    if (hasReason(error, 'Expired') || hasReason(error, 'Gone')) return 'expired';
    throw error;
  } finally {
    reader.forget();
  }
}

/** Whoever reads standard output: gone when a write fails. The stream itself does not tell later: it stays writable. */
class Reader {
  hasGone = false;
  onGone: (() => void) | undefined;
  readonly #gone = (): void => {
    this.hasGone = true;
    this.onGone?.();
  };

  constructor() {
    process.stdout.on('error', this.#gone);
  }

  forget(): void {
    process.stdout.off('error', this.#gone);
  }
}

type AnyEvent = { readonly type: string; readonly object: JsonObject };

async function readOne(
  client: Pick<HttpsClient, 'stream'>,
  path: string,
  accept: string,
  seen: (event: WatchEvent | { readonly type: 'BOOKMARK'; readonly object: JsonObject }) => void,
  reader: Reader,
): Promise<void> {
  const stream = await client.stream({ path, accept });
  const stop = (): void => void stream.destroy();
  let refusal: Error | undefined;
  const lines = new LineSplitter(lineBytesMax, (line) => {
    if (refusal !== undefined) return;
    const event = JSON.parse(line) as AnyEvent;
    if (event.type !== 'ERROR') {
      seen(event as WatchEvent);
      return;
    }
    refusal = errorFromStatus(event.object);
    stop();
  });
  reader.onGone = stop;
  stream.on('data', (chunk: Buffer) => lines.push(chunk));
  // How it broke does not matter: it is opened again, and that says what is wrong.
  stream.on('error', () => {});
  if (!stream.closed) await once(stream, 'close');
  reader.onGone = undefined;
  if (refusal !== undefined) throw refusal;
}

/** Of an object, or of a table's only row. */
function versionOf(object: JsonObject): string | undefined {
  const rows = object['rows'] as { readonly object?: JsonObject }[] | undefined;
  const metadata = (rows?.[0]?.object ?? object)['metadata'] as { readonly resourceVersion?: string } | undefined;
  return metadata?.resourceVersion || undefined;
}
