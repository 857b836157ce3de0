/**
 * The gateway's side of ACME on a node: follows the challenges that are under way, and has the ports of Ingresses answer them. They come and go as part of
 * what is served: alone they start nothing.
 */
import { NamedObjects } from '../../../client/named-objects.ts';
import { configMaps } from '../../../client/resources.ts';
import type { Entry } from '../plan.ts';
import { ingressSection } from '../settings.ts';
import type { Translator } from '../translator.ts';
import { answersOf, challengesReference } from './challenges.ts';

export const acmeTranslator: Translator = {
  name: 'acme',
  open(context, changed) {
    const objects = new NamedObjects({ ...context, changed });
    const settings = context.configuration.section('ingress', ingressSection);
    return {
      // Nothing of what is served waits for it.
      isSynced: true,
      isActive: false,
      translate() {
        const state = objects.get(configMaps, challengesReference);
        const answers = answersOf(state.kind === 'found' ? state.object : undefined);
        const { httpPort, acceptProxyFrom } = settings.current;
        const entry: Entry = {
          address: '*',
          port: httpPort,
          protocol: 'http',
          acceptProxyFrom,
          hosts: [],
          certificates: [],
          passThrough: [],
          terminated: [],
          targets: [],
          answers,
        };
        return { entries: answers.length === 0 ? [] : [entry], backends: new Map(), problems: [] };
      },
      close: () => void objects.close(),
    };
  },
};
