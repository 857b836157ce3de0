/**
 * Addresses on this machine's interfaces. Neighbours learn at once that an address has moved here: for IPv4 by an ARP request that carries it as the
 * sender's (a datagram from it to a neighbour that is not known yet makes the kernel send one to all), for IPv6 by the advertisement that
 * `ndisc_notify` asks for when duplicate detection is over.
 */
import dgram from 'node:dgram';
import { CommandError, ipJson, output, writeSysctl } from '../kernel/command.ts';
import { type AddressSpan, addressIn, parseSpan, spanHolds } from './settings.ts';

export interface AddressKernel {
  /** The interface that faces the address. @throws Error where no route leads there */
  interfaceFor(address: string): Promise<string>;
  /** Idempotent. @param isNew neighbours are to be told */
  hold(address: string, device: string, isNew: boolean): Promise<void>;
  /** Idempotent. */
  drop(address: string, device: string): Promise<void>;
}

const isSix = (address: string): boolean => address.includes(':');
const single = (address: string): string => `${address}/${isSix(address) ? 128 : 32}`;

export const kernelAddresses: AddressKernel = {
  async interfaceFor(address) {
    const [route] = (await ipJson(['route', 'get', address])) as readonly { readonly dev?: string }[];
    if (route?.dev === undefined) throw new Error(`no route of this machine leads to ${address}`);
    return route.dev;
  },

  async hold(address, device, isNew) {
    if (isSix(address) && isNew) await writeSysctl(`net/ipv6/conf/${device}/ndisc_notify`, '1');
    await output('ip', ['address', 'replace', single(address), 'dev', device]);
    if (!isSix(address) && isNew) await tellNeighbours(address, device);
  },

  async drop(address, device) {
    try {
      await output('ip', ['address', 'del', single(address), 'dev', device]);
    } catch (error) {
      const isGone = /Cannot assign requested address|Cannot find device|address not found/i.test(
        (error as Error).message,
      );
      if (!(error instanceof CommandError && isGone)) throw error;
    }
  },
};

interface ShownInterface {
  readonly addr_info?: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
}

async function tellNeighbours(address: string, device: string): Promise<void> {
  const shown = (await ipJson(['address', 'show', 'dev', device])) as readonly ShownInterface[];
  const own = shown.flatMap(({ addr_info = [] }) => addr_info).filter(({ family }) => family === 'inet');
  const network = own
    .filter(({ prefixlen }) => prefixlen < 31)
    .map(({ local, prefixlen }) => parseSpan(`${local}/${prefixlen}`))
    .find((span) => span !== undefined && spanHolds(span, address));
  // Somebody routes it here: there are no neighbours to tell.
  if (network === undefined) return;
  const target = strangerIn(network, new Set([address, ...own.map(({ local }) => local)]));
  // One that is known would be sent to without asking.
  await output('ip', ['neighbour', 'del', target, 'dev', device]).catch(() => {});
  await sendFrom(address, target);
}

/** The last host of the network that is not this machine. */
function strangerIn(network: AddressSpan, own: ReadonlySet<string>): string {
  for (let offset = network.last - network.first - 1n; offset > 0n; offset--) {
    const address = addressIn(network, offset);
    if (!own.has(address)) return address;
  }
  return addressIn(network, 1n);
}

const discardPort = 9;

/** Nothing comes back: what counts is the question that the kernel asks before it sends. */
async function sendFrom(address: string, target: string): Promise<void> {
  const socket = dgram.createSocket('udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address, port: 0, exclusive: true }, () => {
        socket.send(Buffer.alloc(1), discardPort, target, (error) => (error ? reject(error) : resolve()));
      });
    });
  } finally {
    socket.close();
  }
}
