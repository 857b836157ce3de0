/**
 * Addresses of one IPv4 block, handed out in order. A returned address goes to the end, so that it is reused as late as
 * possible: stale connections then meet nobody rather than a stranger.
 */
export class AddressPool {
  readonly #free: number[] = [];
  #next: number;
  readonly #last: number;

  /** @param cidr as `10.42.1.0/24`; its first two addresses (the network, the node) and its last are never given. */
  constructor(cidr: string) {
    const [address = '', prefix = '32'] = cidr.split('/');
    const base = toNumber(address);
    this.#next = base + 2;
    this.#last = base + 2 ** (32 - Number(prefix)) - 2;
  }

  /** @throws Error when all are taken */
  take(): string {
    if (this.#next <= this.#last) return toAddress(this.#next++);
    const free = this.#free.shift();
    if (free === undefined) throw new Error('no addresses are left in the range of pod addresses');
    return toAddress(free);
  }

  give(address: string): void {
    this.#free.push(toNumber(address));
  }
}

function toNumber(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
