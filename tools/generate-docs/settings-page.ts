/** What can be set beside the command line: the network's ConfigMap with its defaults, and the annotations of Ingresses. */
import { stringifyYaml } from '../../src/api/yaml.ts';
import type { Section } from '../../src/network/configuration.ts';
import { dnsSection } from '../../src/network/dns/settings.ts';
import { drainingSection } from '../../src/network/draining/settings.ts';
import { externalDnsSection } from '../../src/network/external-dns/settings.ts';
import { acmeSection } from '../../src/network/gateway/acme/settings.ts';
import { knownAnnotations } from '../../src/network/gateway/ingress/annotations.ts';
import { ingressSection } from '../../src/network/gateway/settings.ts';
import { loadBalancerSection } from '../../src/network/load-balancer/settings.ts';
import { podNetworkSettings } from '../../src/network/pod-network/settings.ts';
import { code, table } from './pages.ts';

const sections: Readonly<Record<string, Section<unknown>>> = {
  podNetwork: podNetworkSettings,
  dns: dnsSection,
  draining: drainingSection,
  ingress: ingressSection,
  acme: acmeSection,
  loadBalancer: loadBalancerSection,
  externalDns: externalDnsSection,
};

export function settingsPage(): string {
  const defaults = Object.fromEntries(Object.entries(sections).map(([name, section]) => [name, section.defaults]));
  const { taken, guards, refused } = knownAnnotations;
  const prefixed = taken.map((name) => [code(name), guards.has(name) ? 'yes' : '']);
  const reasons = Object.entries(refused).map(([name, { why }]) => [code(name), why]);
  return `# Settings

## The network

ConfigMap \`naru-network\` in \`kube-system\`, key \`network.yaml\`. All of it is optional and read again when it changes; these are the defaults.

\`\`\`yaml
${stringifyYaml(defaults).trimEnd()}
\`\`\`

## Annotations of Ingresses

Under \`nginx.ingress.kubernetes.io/\` or \`naru.io/\`. A bad value leaves the annotation out and is told in an event; where the annotation guards, the
Ingress's paths are closed until it is right.

${table(['annotation', 'guards'], prefixed)}

These are not taken, and an event says so:

${table(['annotation', 'why'], reasons)}
`;
}
