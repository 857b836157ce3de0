/** The network of a node, part by part: each has a file in `network/`. */
import type { Benchmark } from './figure.ts';
import { changesFigures } from './network/changes.ts';
import { dnsFigures } from './network/dns.ts';
import { ingressFigures } from './network/ingress.ts';
import { proxyFigures } from './network/proxy.ts';

const benchmark: Benchmark = {
  name: 'network',
  run: async (options) => [
    ...(await dnsFigures(options)),
    ...proxyFigures(options),
    ...(await changesFigures(options)),
    ...(await ingressFigures(options)),
  ],
};

export default benchmark;
