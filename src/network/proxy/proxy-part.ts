/** The service proxy as a part of a node's network. */
import type { NetworkPart } from '../node-network.ts';
import { ServiceProxy } from './service-proxy.ts';

export const proxyPart: NetworkPart = (context) => new ServiceProxy(context);
