/** The thread that reads YAML which would keep the server from all else: one text at a time, as `firstDocument` reads it. */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { DecodeError } from '../../api/decode-error.ts';
import { literalsOf, type PlacedLiteral } from '../../api/number-literals.ts';
import { firstDocument } from '../../api/yaml.ts';

/** One for each text, in order; and `ready` before the first. */
export type YamlReply =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'read';
      /** JSON is copied and read ten times as fast as an object is cloned. */
      readonly json: string;
      readonly duplicates: readonly string[];
      readonly literals: readonly PlacedLiteral[];
    }
  | { readonly kind: 'refused'; readonly message: string };

/** What is no `DecodeError` is a bug, and ends the thread. */
export function replyTo(text: string): YamlReply {
  try {
    const { value, duplicates } = firstDocument(text);
    return { kind: 'read', json: JSON.stringify(value), duplicates, literals: literalsOf(value) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { kind: 'refused', message: error.message };
  }
}

const port = parentPort as MessagePort;
port.on('message', (text: string) => port.postMessage(replyTo(text)));
port.postMessage({ kind: 'ready' } satisfies YamlReply);
