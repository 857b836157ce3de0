/** Holds or drops an address as a node does that announces a pool's: `node hold-address.ts hold|drop ADDRESS [INTERFACE]`. Prints the interface. */
import process from 'node:process';
import { kernelAddresses } from '../../src/network/load-balancer/kernel-addresses.ts';

const [what = '', address = '', given] = process.argv.slice(2);
const device = given ?? (await kernelAddresses.interfaceFor(address));
if (what === 'hold') await kernelAddresses.hold(address, device, true);
else await kernelAddresses.drop(address, device);
process.stdout.write(`${device}\n`);
