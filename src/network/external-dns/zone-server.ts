/**
 * A zone on its name server: reads what is there, and changes it.
 *
 * It is read whole by a transfer (AXFR) where the server allows that, else name by name: then only names that somebody asks about are known, and what an
 * earlier process wrote for objects that are gone stays.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Prng } from '../../lib/prng.ts';
import { recordTypes, responseCodes } from '../dns/wire.ts';
import { DnsConnection } from './connection.ts';
import { type Naming, ownershipName } from './ownership.ts';
import type { Change } from './plan.ts';
import { writtenTypes, ZoneRecords } from './records.ts';
import type { ServerAddress } from './settings.ts';
import { signatureError, TsigExchange, type TsigKey } from './tsig.ts';
import { decodeAnswer, encodeQuestion, encodeUpdate, type ZoneAnswer } from './zone-messages.ts';

export interface ZoneServerOptions {
  readonly naming: Naming;
  readonly server: ServerAddress;
  readonly key: TsigKey | undefined;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly signal: AbortSignal;
}

/** A server that answered, and did not do it. */
export class ZoneRefusal extends Error {
  readonly code: number;

  constructor(code: number) {
    super(codeWords[code] ?? `it answered with code ${code}`);
    this.code = code;
  }
}

/** RFC 1035, RFC 2136 and RFC 8945, in words. */
const codeWords: Readonly<Record<number, string>> = {
  1: 'it could not read the message (FORMERR)',
  2: 'it failed (SERVFAIL): its log says why',
  3: 'there is no such name (NXDOMAIN)',
  4: 'it does not take such messages (NOTIMP)',
  5: 'it refused (REFUSED): is the key, or this address, allowed to do that in the zone?',
  6: 'a name is there that should not be (YXDOMAIN): somebody else wrote it',
  7: 'records are there that should not be (YXRRSET): somebody else wrote them',
  8: 'records are not as they were (NXRRSET): somebody else changed them',
  9: 'it is not in charge of the zone, or the key may not do that (NOTAUTH)',
  10: 'a name is outside of the zone (NOTZONE)',
  16: "the signature is wrong (BADSIG): is the key's secret the same on both sides, and the algorithm?",
  17: 'it does not know the key, or the key may not do that (BADKEY): are its name and algorithm the same on both sides?',
  18: 'the signature is too old or too new (BADTIME): do the clocks of both machines agree?',
  22: 'the signature is cut too short (BADTRUNC)',
};

/** Larger zones are not read. */
const recordsMax = 1_000_000;

export class ZoneServer {
  readonly #options: ZoneServerOptions;
  #connection: DnsConnection | undefined;

  constructor(options: ZoneServerOptions) {
    this.#options = options;
  }

  close(): void {
    this.#connection?.close();
  }

  /**
   * @param names what to ask about where the zone cannot be had whole
   * @throws Error, a sentence
   */
  async read(names: Iterable<string>): Promise<{ readonly zone: ZoneRecords; readonly isWhole: boolean }> {
    try {
      return { zone: await this.#transfer(), isWhole: true };
    } catch (error) {
      if (!(error instanceof ZoneRefusal) || !mayBeAsked.has(error.code)) throw error;
    }
    return { zone: await this.#ask(names), isWhole: false };
  }

  /** @throws ZoneRefusal where the server does not do it; other errors where it cannot be known */
  async apply(change: Pick<Change, 'prerequisites' | 'operations'>): Promise<void> {
    await this.#exchange(
      (id) => encodeUpdate(id, this.#options.naming.zone, change),
      () => true,
    );
  }

  async #transfer(): Promise<ZoneRecords> {
    const { zone } = this.#options.naming;
    const records = new ZoneRecords();
    let count = 0;
    let starts = 0;
    await this.#exchange(
      (id) => encodeQuestion(id, zone, recordTypes.AXFR),
      ({ answers }) => {
        count += answers.length;
        if (count > recordsMax) throw new Error(`the zone has more than ${recordsMax} records`);
        if (starts === 0 && answers[0]?.type !== recordTypes.SOA)
          throw new Error('its transfer does not begin with the SOA record');
        for (const { name, type, ttl, value } of answers) {
          if (type === recordTypes.SOA) starts++;
          else records.add(name, type, ttl, value);
        }
        return starts >= 2;
      },
    );
    return records;
  }

  async #ask(names: Iterable<string>): Promise<ZoneRecords> {
    const { naming } = this.#options;
    const records = new ZoneRecords();
    for (const name of names) {
      const txtNames = writtenTypes.flatMap((type) => ownershipName(naming, name, type) ?? []);
      const questions = [
        ...writtenTypes.map((type) => [name, recordTypes[type]] as const),
        ...txtNames.map((txt) => [txt, recordTypes.TXT] as const),
      ];
      for (const [asked, type] of questions) {
        await this.#exchange(
          (id) => encodeQuestion(id, asked, type),
          ({ answers, isAuthoritative }) => {
            if (!isAuthoritative) throw new Error(`it is not in charge of ${asked}`);
            for (const one of answers)
              if (one.name === asked && one.type === type) records.add(asked, type, one.ttl, one.value);
            return true;
          },
          [responseCodes.NXDOMAIN],
        );
      }
    }
    return records;
  }

  /** @param take is given each message, and says whether it was the last */
  async #exchange(
    message: (id: number) => Buffer,
    take: (answer: ZoneAnswer) => boolean,
    also: readonly number[] = [],
  ): Promise<void> {
    const { key, clock, prng } = this.#options;
    const connection = this.#open();
    const id = Math.floor(prng.next() * 65_536);
    const plain = message(id);
    const tsig = key && new TsigExchange(key);
    try {
      await connection.send(tsig?.sign(plain, Math.floor(clock.now() / 1000)) ?? plain);
      for (let isLast = false; !isLast; ) {
        const bytes = await connection.receive();
        const answer = decodeAnswer(bytes);
        if (answer?.id !== id) throw new Error('its answer cannot be read');
        const signature = signatureError(bytes);
        if (signature !== 0) throw new ZoneRefusal(signature);
        // A refusal is believed from anybody: nothing is done because of it.
        if (answer.code !== responseCodes.NOERROR && !also.includes(answer.code)) throw new ZoneRefusal(answer.code);
        tsig?.verify(bytes, Math.floor(clock.now() / 1000));
        isLast = take(answer);
      }
      if (tsig?.isComplete === false) throw new Error('the end of its answer is not signed');
    } catch (error) {
      // What else comes would be taken for the answer of the next.
      if (!(error instanceof ZoneRefusal)) connection.close();
      throw error;
    }
  }

  #open(): DnsConnection {
    if (this.#connection?.isOpen !== true)
      this.#connection = new DnsConnection({ ...this.#options, ...this.#options.server });
    return this.#connection;
  }
}

/** Answers to a transfer after which single questions are worth a try. Who is not known at all is refused these, too. */
const mayBeAsked: ReadonlySet<number> = new Set([1, 4, 5, 9, 17]);
