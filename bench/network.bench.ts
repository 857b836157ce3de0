/** The network of a node, part by part: each has a file in `network/`. */
import type { Benchmark } from './figure.ts';
import { dnsFigures } from './network/dns.ts';

const benchmark: Benchmark = {
  name: 'network',
  run: (options) => dnsFigures(options),
};

export default benchmark;
