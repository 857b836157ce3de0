/** Ingresses on a node: followed with their classes, and translated when `gateway-part.ts` asks. */
import type { Ingress } from '../../../api/schema/types/networking-v1.ts';
import { ingressClasses, ingresses } from '../../../client/resources.ts';
import { ingressSection } from '../settings.ts';
import type { Translator } from '../translator.ts';
import { servedIngresses, translateIngresses } from './translate.ts';

export const ingressTranslator: Translator = {
  name: 'ingress',
  open({ informers, configuration }, changed) {
    const all = informers.informer(ingresses);
    const classes = informers.informer(ingressClasses);
    const settings = configuration.section('ingress', ingressSection);
    const seen = (now: Ingress, before: Ingress): void => {
      if (meaningOf(now) !== meaningOf(before)) changed();
    };
    const ends = [
      all.addHandler({ added: changed, updated: seen, deleted: changed }),
      classes.addHandler({ added: changed, updated: changed, deleted: changed }),
      settings.onChange(changed),
    ];
    void Promise.all([all.synced, classes.synced]).then(changed);
    const objects = () => ({ ingresses: all.cache.list(), classes: classes.cache.list() });
    return {
      get isSynced() {
        return all.hasSynced && classes.hasSynced;
      },
      get isActive() {
        return servedIngresses(objects()).length > 0;
      },
      translate: (sources) => translateIngresses(objects(), sources, settings.current),
      close: () => {
        for (const end of ends) end();
      },
    };
  },
};

/** Addresses that are written into statuses mean nothing here. */
const meaningOf = ({ metadata, spec }: Ingress): string => JSON.stringify([metadata?.annotations, spec]);
