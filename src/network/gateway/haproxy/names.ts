/** Names of sockets that live outside the home: abstract ones, of this home by its id. */

/** Where a script sends copies of requests. */
export function mirrorAddress(id: string): string {
  return `abns@naru-${id}-mirror`;
}

/** From the listener that looks at server names to the one that ends TLS, on the same port. */
export function innerAddress(id: string, entry: string): string {
  return `abns@naru-${id}-${entry}`;
}

/** Where workers of before a reload send the requests that still come to them. */
export function handoverAddress(id: string, entry: string): string {
  return `abns@naru-${id}-${entry}-next`;
}
