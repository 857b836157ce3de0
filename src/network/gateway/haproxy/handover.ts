/**
 * What an old worker does with requests that still come to it: after a reload it keeps the connections that it has, but hears of nothing any more, neither
 * of servers that come and go nor of routes. So it hands requests over to the worker that is in force, over a socket of the frontend's own:
 *
 * ```
 *   client ══ kept connection ══ old worker ──(PROXY header, key)──▶ abns …-next ── new worker ──▶ server
 * ```
 * Within seconds HAProxy ends such connections after an answer. What is a tunnel already (a WebSocket) stays as it is.
 *
 * Kept true: the client's address and the scheme are those of the first connection. Anybody on the machine can open the socket, so that only requests with
 * this home's key are taken there. Where clients show certificates nothing is handed over: the second worker would not see them. Pure.
 */
import type { Build } from './build.ts';
import { handoverAddress } from './names.ts';

export interface HandoverSettings {
  /** Of this home. */
  readonly id: string;
  /** Secret, and the same for all workers of the home. */
  readonly handoverKey: string;
}

const header = 'x-naru-next';
/** Of the listener. */
const listener = 'next';
/** Times are kept by the worker that has the routes. */
const timeout = '24h';

export interface Handover {
  /** Before all other rules of the frontend. */
  readonly first: readonly string[];
  /** It leads to the listener again. */
  readonly section: string;
  /** Before all others that choose a section. */
  readonly choice: string;
}

/** @param entry name of the frontend */
export function handoverLines(entry: string, { id, handoverKey }: HandoverSettings, build: Build): Handover {
  if (!/^[0-9a-f]{32,64}$/.test(handoverKey)) throw new Error('the key of HAProxy’s workers must be hex digits');
  const address = handoverAddress(id, entry);
  const section = build.section(`${entry}-next`, {
    mode: 'http',
    lines: [
      `timeout server ${timeout}`,
      `timeout tunnel ${timeout}`,
      `http-request set-header ${header} ${handoverKey}`,
      'http-request del-header x-naru-mirror',
      `server next ${address} send-proxy-v2`,
    ],
  });
  return {
    first: [
      `bind ${address} accept-proxy name ${listener}`,
      `http-request deny deny_status 403 if { so_name ${listener} } !{ req.hdr(${header}) -m str ${handoverKey} }`,
      `http-request del-header ${header} if { so_name ${listener} }`,
      'http-request set-log-level silent if { stopping }',
    ],
    section,
    choice: `use_backend ${section} if { stopping }`,
  };
}
