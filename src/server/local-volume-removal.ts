/** The server's call to a node to remove what a volume kept there (`controllers/local-volumes`), over the node's own connection. */
import { localVolumeNodePath } from '../api/local-volumes.ts';
import type { NodeConnections } from '../client/node-api.ts';
import type { Clock } from '../lib/clock.ts';

/** Large folders take their time; the loop asks again where it was not enough. */
const removalMsMax = 50_000;
const answerBytesMax = 4096;

/** @throws Error with the node's own words; StatusError ServiceUnavailable where it is not connected */
export function localVolumeRemoval(nodes: NodeConnections, clock: Clock) {
  return async (node: string, volume: string): Promise<void> => {
    const given = new AbortController();
    const late = clock.after(removalMsMax, () => given.abort(new Error('it did not answer in time')));
    try {
      const request = { method: 'DELETE', path: localVolumeNodePath(volume), headers: {}, signal: given.signal };
      const { status, body } = await Promise.race([nodes.call(node, request), aborted(given.signal)]);
      let text = '';
      for await (const chunk of body) if (text.length < answerBytesMax) text += String(chunk);
      if (status !== 200) throw new Error(messageIn(text) ?? `it answered ${status}`);
    } finally {
      late.cancel();
      given.abort(new Error('the call is over'));
    }
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function messageIn(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
