/** Gateways on a node: followed with all that belongs to them, and translated when `gateway-part.ts` asks. */
import type { Translator } from '../translator.ts';
import { FollowedGateways } from './follow.ts';
import { translateGateways } from './translate.ts';

export const routesTranslator: Translator = {
  name: 'gateway',
  open({ informers }, changed) {
    const followed = new FollowedGateways(informers, changed);
    return {
      get isSynced() {
        return followed.isSynced;
      },
      get isActive() {
        return followed.hasGateways;
      },
      translate: (sources) => translateGateways(followed.objects(), sources),
      close: () => followed.close(),
    };
  },
};
