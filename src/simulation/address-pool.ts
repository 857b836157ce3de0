/**
 * Addresses of a block, or of one block of each family, handed out in order. A returned address goes to the end, so that it is reused as late as
 * possible: stale connections then meet nobody rather than a stranger.
 */
export class AddressPool {
  readonly #blocks: readonly Block[];
  /** Places in the blocks: the same one in each. */
  readonly #free: number[] = [];
  /** The first two are never given: the network, the node. */
  #next = 2;
  readonly #last: number;

  /** @param cidrs as `10.42.1.0/24`, whose last address is never given, or `fd00:42:0:1::/64`, or one of each with a comma between */
  constructor(cidrs: string) {
    this.#blocks = cidrs.split(',').map((cidr) => (cidr.includes(':') ? block6(cidr) : block4(cidr)));
    this.#last = Math.min(...this.#blocks.map(({ last }) => last));
  }

  /** One of each family, in the order of the blocks. @throws Error when all are taken */
  take(): readonly string[] {
    const place = this.#next <= this.#last ? this.#next++ : this.#free.shift();
    if (place === undefined) throw new Error('no addresses are left in the range of pod addresses');
    return this.#blocks.map(({ addressAt }) => addressAt(place));
  }

  /** What `take` gave. */
  give([first]: readonly string[]): void {
    const [block] = this.#blocks;
    if (first !== undefined && block !== undefined) this.#free.push(block.placeOf(first));
  }
}

interface Block {
  readonly last: number;
  readonly addressAt: (place: number) => string;
  readonly placeOf: (address: string) => number;
}

function block4(cidr: string): Block {
  const [address = '', prefix = '32'] = cidr.split('/');
  const base = toNumber(address);
  return {
    last: 2 ** (32 - Number(prefix)) - 2,
    addressAt: (place) => toAddress(base + place),
    placeOf: (text) => toNumber(text) - base,
  };
}

/** The last group alone counts, which is more than a node has pods. */
function block6(cidr: string): Block {
  const [base = ''] = cidr.split('/');
  return {
    last: 0xffff,
    addressAt: (place) => `${base}${place.toString(16)}`,
    placeOf: (text) => Number.parseInt(text.slice(base.length), 16),
  };
}

function toNumber(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
