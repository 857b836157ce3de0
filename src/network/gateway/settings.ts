/**
 * Section `ingress` of the settings: where the gateway listens for Ingresses, and how it runs.
 *
 * ```yaml
 * ingress:
 *   httpPort: 80
 *   httpsPort: 443
 *   acceptProxyFrom: [10.0.0.0/8]          # clients there send a PROXY header, others must not
 *   defaultCertificate: kube-system/wild   # a Secret; a self-signed one where none is named
 *   accessLog: off                         # or json, common
 *   threads: 0                             # 0: as many as the machine has
 *   connectionsMax: 20000
 * ```
 */
import { isIP } from 'node:net';
import type { Section } from '../configuration.ts';
import { fieldsOf, integer, listOf, oneOf, textThat } from '../settings-fields.ts';

export interface IngressSettings {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly acceptProxyFrom: readonly string[];
  /** `namespace/name`; empty: none. */
  readonly defaultCertificate: string;
  readonly accessLog: 'off' | 'json' | 'common';
  readonly threads: number;
  readonly connectionsMax: number;
}

const defaults: IngressSettings = {
  httpPort: 80,
  httpsPort: 443,
  acceptProxyFrom: [],
  defaultCertificate: '',
  accessLog: 'off',
  threads: 0,
  connectionsMax: 20_000,
};

const port = integer(1, 65_535);
const range = textThat('a range of addresses (CIDR)', (text) => {
  const [address = '', bits = '', ...rest] = text.split('/');
  const family = isIP(address);
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
});

const fields = fieldsOf<IngressSettings>(defaults, {
  httpPort: port,
  httpsPort: port,
  acceptProxyFrom: listOf(range),
  defaultCertificate: textThat('namespace/name of a Secret', (text) => text === '' || /^[^/\s]+\/[^/\s]+$/.test(text)),
  accessLog: oneOf('off', 'json', 'common'),
  threads: integer(0, 64),
  connectionsMax: integer(100, 1_000_000),
});

export const ingressSection: Section<IngressSettings> = {
  defaults,
  parse(value) {
    const settings = fields(value, '');
    if (settings.httpPort === settings.httpsPort) throw new Error('httpPort and httpsPort must differ');
    return settings;
  },
};
