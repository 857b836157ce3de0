/**
 * Where a request came from, as upstream tells it: what `X-Forwarded-For` and `X-Real-Ip` say (which any client may make up),
 * then the connection's own peer, which nobody can.
 */
import { isIP } from 'node:net';
import type { Exchange } from '../http/exchange.ts';

const forwardedMax = 16;

export function sourceAddresses({ headers, connection }: Pick<Exchange, 'headers' | 'connection'>): string[] {
  const forwarded = [headers['x-forwarded-for'] ?? []]
    .flat()
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => isIP(text) !== 0)
    .slice(0, forwardedMax);
  const real = String(headers['x-real-ip'] ?? '').trim();
  const addresses = [...forwarded];
  if (isIP(real) !== 0 && !addresses.includes(real)) addresses.push(real);
  const peer = connection.remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
  if (addresses.at(-1) !== peer && peer !== '') addresses.push(peer);
  return addresses;
}
