/**
 * Section `podNetwork` of the settings: how pods of different nodes reach each other, and how they leave the cluster.
 *
 * ```yaml
 * podNetwork:
 *   backend: auto          # auto: routes where nodes share a segment, VXLAN elsewhere; direct: routes only; vxlan: VXLAN only; none: somebody else's
 *   vxlan: {id: 7, port: 8472}
 *   mtu: 1400
 *   masquerade: true
 *   nonMasqueradeCIDRs: [10.0.0.0/8]
 * ```
 */
import { isIP } from 'node:net';
import type { Section } from '../configuration.ts';
import { fieldsOf, integer, listOf, oneOf, textThat, yesOrNo } from '../settings-fields.ts';

const backends = ['auto', 'direct', 'vxlan', 'none'] as const;
export type Backend = (typeof backends)[number];

export interface PodNetworkSettings {
  readonly backend: Backend;
  /** `id` 0: one made from the cluster's identity, so that several clusters may share a network. */
  readonly vxlan: { readonly id: number; readonly port: number };
  /** 0: what the machine's own network takes, less what VXLAN adds. */
  readonly mtu: number;
  /** What pods send out of the cluster carries the node's address. */
  readonly masquerade: boolean;
  /** Where else pods keep their addresses. */
  readonly nonMasqueradeCIDRs: readonly string[];
}

const defaults: PodNetworkSettings = {
  backend: 'auto',
  // As flannel's, and Linux's own: 4789 is Docker's.
  vxlan: { id: 0, port: 8472 },
  mtu: 0,
  masquerade: true,
  nonMasqueradeCIDRs: [],
};

const idMax = 2 ** 24 - 1;
/** IPv6 needs 1280. */
const mtuMin = 1280;

const cidr = textThat('a range of addresses such as 10.0.0.0/8', (value) => {
  const [address = '', length = '', ...more] = value.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return more.length === 0 && /^\d{1,3}$/.test(length) && Number(length) <= bits;
});

const parse = fieldsOf<PodNetworkSettings>(defaults, {
  backend: oneOf(...backends),
  vxlan: fieldsOf(defaults.vxlan, { id: integer(0, idMax), port: integer(1, 65535) }),
  mtu: (value, field) => (value === 0 ? 0 : integer(mtuMin, 65535)(value, field)),
  masquerade: yesOrNo,
  nonMasqueradeCIDRs: listOf(cidr),
});

export const podNetworkSettings: Section<PodNetworkSettings> = { defaults, parse: (value) => parse(value, '') };
