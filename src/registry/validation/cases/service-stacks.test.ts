/**
 * Services of two address families, and what an update may change of the addresses: by the rules alone, since this cluster gives
 * addresses of one family.
 */
import type { Service, ServiceSpec } from '../../../api/schema/types/core-v1.ts';
import { validateService } from '../service.ts';
import { validateServiceUpdate } from '../service-update.ts';
import { type ExpectedError, type RuleRow, testRules } from './testing.ts';

type Fields = Partial<Record<keyof ServiceSpec, unknown>>;

function service(fields: Fields): Service {
  const ports = [{ name: 'p', protocol: 'TCP', port: 8675, targetPort: 8675 }];
  const base = {
    type: 'ClusterIP',
    selector: { key: 'val' },
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
  };
  return { metadata: { name: 's' }, spec: { ...base, ports, ...fields } as ServiceSpec };
}

const create = (name: string, fields: Fields, errors: readonly ExpectedError[] = []): RuleRow => ({
  name,
  found: validateService(service(fields)),
  errors,
});

function change(name: string, before: Fields, after: Fields, errors: readonly ExpectedError[] = []): RuleRow {
  const [old, next] = [service(before), service(after)];
  return { name, found: [...validateServiceUpdate(next, old), ...validateService(next, old)], errors };
}

const ips = (...clusterIPs: string[]): Fields => ({ clusterIP: clusterIPs[0] ?? '', clusterIPs });
const one = (...ipFamilies: string[]): Fields => ({ ipFamilyPolicy: 'SingleStack', ipFamilies });
const both = (...ipFamilies: string[]): Fields => ({ ipFamilyPolicy: 'RequireDualStack', ipFamilies });
const dual = { ...ips('1.2.3.4', '2001::1'), ...both('IPv4', 'IPv6') };

const bad = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const at = (index: number, value: string, why: string): string =>
  `spec.clusterIPs[${index}]: Invalid value: "${value}": ${why}`;
const sameFamily = (list: string): string =>
  `spec.clusterIPs: Invalid value: ${list}: may specify no more than one IP for each IP family`;
const expected = (family: string, index = 0): string =>
  `expected an ${family} value as indicated by \`ipFamilies[${index}]\``;

testRules('addresses and families of a Service', [
  create('accepts two families, in either order', { ...ips('2001::1', '10.0.0.1'), ...both('IPv6', 'IPv4') }),
  create('accepts two addresses and no family', { ...ips('10.0.0.1', '2001::1'), ipFamilyPolicy: 'RequireDualStack' }),
  create('accepts two addresses and the first family', { ...ips('10.0.0.1', '2001::1'), ...both('IPv4') }),
  create('accepts one address and two families', { ...ips('10.0.0.1'), ...both('IPv4', 'IPv6') }),
  create('leaves two of one stack to who gives the addresses', {
    ...ips('10.0.0.1', '2001::1'),
    ...one('IPv4', 'IPv6'),
  }),
  create('refuses two that are none', ips('garbage-ip', 'garbage-second-ip'), [
    at(0, 'garbage-ip', bad),
    at(1, 'garbage-second-ip', bad),
  ]),
  create('refuses no address after one', ips('2001::1', 'None'), [at(1, 'None', bad)]),
  create('refuses an empty one before another', ips('', '2001::1'), [
    'spec.clusterIPs: Invalid value: ["","2001::1"]: must be empty when `clusterIP` is not specified',
    at(0, '', bad),
  ]),
  create('refuses an empty one after another', ips('2001::1', ''), [at(1, '', bad)]),
  create('refuses two of the sixth version', { ...ips('2001::1', '2001::4'), ...both('IPv4', 'IPv6') }, [
    sameFamily('["2001::1","2001::4"]'),
    at(0, '2001::1', expected('IPv4')),
  ]),
  create('refuses two of the fourth', { ...ips('10.0.0.1', '10.0.0.10'), ...both('IPv4', 'IPv6') }, [
    sameFamily('["10.0.0.1","10.0.0.10"]'),
    at(1, '10.0.0.10', expected('IPv6', 1)),
  ]),
  create('refuses a family twice', both('IPv6', 'IPv6'), ['spec.ipFamilies[1]: Duplicate value: "IPv6"']),
]);

const fixed = 'may not change once set';
const changedIps = (index: number, list: string): string =>
  `spec.clusterIPs[${index}]: Invalid value: ${list}: ${fixed}`;
const changedFamilies = (list: string): string => `spec.ipFamilies[0]: Invalid value: ${list}: ${fixed}`;
const wantsOne = (what: string): string =>
  `spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be set to 'SingleStack' when releasing the secondary ${what}`;
const elsewhere = { type: 'ExternalName', externalName: 'foo' };

testRules('changes of a Service’s addresses', [
  change(
    'accepts a second family',
    { ...ips('1.2.3.4'), ...one('IPv4') },
    { ...ips('1.2.3.4'), ...both('IPv4', 'IPv6') },
  ),
  change('accepts a second address', { ...ips('1.2.3.4'), ...one('IPv4') }, dual),
  change('accepts to give it back', dual, { ...ips('1.2.3.4'), ...one('IPv4') }),
  change('accepts to give the address back and keep the family', dual, {
    ...dual,
    ...ips('1.2.3.4'),
    ipFamilyPolicy: 'SingleStack',
  }),
  change('refuses that without saying one stack', dual, { ...ips('1.2.3.4'), ...both('IPv4') }, [
    wantsOne('clusterIP'),
    wantsOne('ipFamily'),
  ]),
  change('refuses another first address with it', dual, { ...ips('1.2.3.5'), ...one('IPv4') }, [
    changedIps(0, '["1.2.3.5"]'),
  ]),
  change('refuses another second address', dual, { ...dual, ...ips('1.2.3.4', '2002::1') }, [
    changedIps(1, '["1.2.3.4","2002::1"]'),
  ]),
  change('refuses the other order', dual, { ...ips('2001::1', '1.2.3.5'), ...both('IPv6', 'IPv4') }, [
    changedIps(0, '["2001::1","1.2.3.5"]'),
    changedIps(1, '["2001::1","1.2.3.5"]'),
    changedFamilies('["IPv6","IPv4"]'),
    changedFamilies('["IPv6","IPv4"]'),
  ]),
  change(
    'accepts any families of a headless one',
    { ...ips('None'), ...both('IPv4', 'IPv6') },
    { ...ips('None'), ...one('IPv6') },
  ),
  change('accepts an address where there was none', {}, ips('1.2.3.4')),
  change('refuses none again', ips('1.2.3.4'), {}, [
    'spec.clusterIPs[0]: Invalid value: null: primary clusterIP can not be unset',
  ]),
  change('refuses an address for a headless one', ips('None'), ips('1.2.3.4'), [changedIps(0, '["1.2.3.4"]')]),
  change(
    'accepts another address where the type had none',
    { type: 'ExternalName', ...ips('1.2.3.4') },
    ips('1.2.3.5'),
  ),
  change('accepts to drop them for a type that has none', { ...ips('10.0.0.1'), ...one('IPv4') }, elsewhere),
  change(
    'refuses to keep them',
    { ...ips('10.0.0.1'), ...one('IPv4') },
    { ...elsewhere, ...ips('10.0.0.1'), ...one('IPv4') },
    [
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
      'spec.ipFamilies: Forbidden: may not be set for ExternalName services',
      'spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services',
    ],
  ),
]);

const balancer = { type: 'LoadBalancer', externalTrafficPolicy: 'Cluster', allocateLoadBalancerNodePorts: true };
const classError = (what: string): string => `spec.loadBalancerClass: ${what}`;
const setOnce = (value: string): string => classError(`Invalid value: ${value}: ${fixed}`);
const onlyBalancer = classError("Forbidden: may only be used when `type` is 'LoadBalancer'");
const named = { ...balancer, loadBalancerClass: 'test.com/old' };

/** In an update, the form of the class is looked at twice, as upstream. */
testRules('changes of a Service’s class of balancers', [
  change('accepts the same', named, named),
  change('accepts one with the type', {}, named),
  change('refuses another', named, { ...named, loadBalancerClass: 'test.com/new' }, [setOnce('"test.com/new"')]),
  change('refuses one later', balancer, named, [setOnce('"test.com/old"')]),
  change('refuses none again', named, balancer, [setOnce('null')]),
  change('refuses one that is none', {}, { ...balancer, loadBalancerClass: 'Bad/Class' }, [
    classError('Invalid value: "Bad/Class": prefix part a lowercase RFC 1123 subdomain…'),
    classError('Invalid value: "Bad/Class": prefix part a lowercase RFC 1123 subdomain…'),
  ]),
  change('refuses one of another type', named, { loadBalancerClass: 'test.com/old' }, [onlyBalancer, onlyBalancer]),
]);
