/**
 * Who owns which field is reckoned at once, without waiting for anybody; but where managers wrote in several versions, and only a webhook
 * converts between these, it needs answers from outside. So it is broken off, the webhook is asked, and it begins anew.
 */

/** Thrown out of a reckoning that needs an object in another version. */
export class ConversionDue extends Error {
  override name = 'ConversionDue';
  readonly convert: () => Promise<void>;

  constructor(convert: () => Promise<void>) {
    super('an object has to be converted first');
    this.convert = convert;
  }
}

/** Versions in which somebody owns something, twice: before and after. Beyond it, something is wrong. */
const roundsMax = 64;

/** What `work` returns; a promise of it where a webhook had to be asked first. @throws StatusError InternalError */
export function withConversions<T>(work: () => T): T | Promise<T> {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ConversionDue)) throw error;
    return workAfter(error, work);
  }
}

async function workAfter<T>(first: ConversionDue, work: () => T): Promise<T> {
  let due = first;
  for (let round = 1; ; round++) {
    await due.convert();
    try {
      return work();
    } catch (error) {
      if (!(error instanceof ConversionDue) || round === roundsMax) throw error;
      due = error;
    }
  }
}
