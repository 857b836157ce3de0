/** A store that forgets everything when it is closed: for tests, simulations and throw-away clusters. */
import { type CoreOptions, JournaledStore } from './core.ts';
import { NullJournal } from './journal.ts';

export class MemoryStore extends JournaledStore {
  constructor(options: CoreOptions) {
    super('memory', new NullJournal(), options);
  }
}
