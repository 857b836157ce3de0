/**
 * `naru secrets-encrypt`: how the Secrets of this home lie on disk, and a new key for them. Both work beside a running cluster: it notices
 * the new key by itself, rewrites what the old ones sealed, and takes these out of the file (`store/encryption/encryption-keys.ts`).
 */
import { existsSync } from 'node:fs';
import type { Home } from '../home.ts';
import { type Clock, RealClock } from '../lib/clock.ts';
import { addFreshKey, type KeyFile, readKeyFile } from '../store/encryption/key-file.ts';
import { formOf, plainForm, type SealedForm, Sealer } from '../store/encryption/sealing.ts';
import { surveyState } from '../store/sqlite/state-survey.ts';
import { findRunning } from './background.ts';
import { readSettings } from './settings.ts';
import { UserError } from './user-error.ts';

/** A small cluster takes two looks of the server at the file; a large one goes on alone. */
const waitMsMax = 60_000;

interface Place {
  readonly file: string;
  readonly isOwn: boolean;
}

function placeOf(home: Home): Place {
  const named = readSettings(home).guardFiles?.encryptionProviderConfig;
  const place = { file: named ?? home.encryptionConfig, isOwn: named === undefined };
  if (!existsSync(place.file)) {
    throw new UserError(`${home.root} has no encryption configuration yet; the first start makes it: naru up`);
  }
  return place;
}

export async function secretsEncryptStatus(home: Home): Promise<void> {
  for (const line of statusLines(home)) console.log(line);
}

export function statusLines(home: Home): string[] {
  const { file } = placeOf(home);
  const { sealing } = readKeyFile(file);
  const sealer = new Sealer(sealing);
  const counts = existsSync(home.state) ? surveyState(home.state) : {};
  const lines = [`Encryption configuration: ${file}`];
  for (const { resources, providers } of sealing) {
    const active = providers[0];
    lines.push(`${resources.join(', ')}: ${active?.kind === 'identity' ? 'stored as they are' : 'sealed'}`);
    for (const [index, provider] of providers.entries()) {
      const concerned = Object.entries(counts).filter(([name]) => sealer.providersOf(name)?.includes(provider));
      const total = concerned.reduce((sum, [, forms]) => sum + (forms[formOf(provider)] ?? 0), 0);
      lines.push(`  ${index === 0 ? '*' : ' '} ${nameOf(formOf(provider))}: ${total} values`);
    }
  }
  return lines;
}

function nameOf(form: SealedForm): string {
  if (form === plainForm) return 'identity (not sealed)';
  const [kind, name] = form.split(':', 2);
  return `${kind} key ${name}`;
}

export async function secretsEncryptRotate(
  home: Home,
  clock: Clock = new RealClock({ keepsAlive: true }),
): Promise<void> {
  const { file, isOwn } = placeOf(home);
  if (!isOwn) {
    throw new UserError(
      `${file} was named with --encryption-provider-config, and naru does not change it; put a new key in front of the others there: a running cluster takes it over by itself, and naru secrets-encrypt status says when the old one is unused`,
    );
  }
  const before = sealingKeys(readKeyFile(file));
  if (before.length > 1 && hasUnfinished(home, before)) {
    throw new UserError('values are still sealed with a key of before; naru secrets-encrypt status tells more');
  }
  const form = addFreshKey(file);
  console.log(`${nameOf(form)} seals from now on.`);
  if (findRunning(home) === undefined) {
    console.log(
      'No cluster runs from this home: the next start rewrites what is sealed with the old key, and removes that.',
    );
    return;
  }
  await waitUntilAlone(file, form, clock);
}

const sealingKeys = ({ sealing }: KeyFile): SealedForm[] => new Sealer(sealing).keys().map(formOf);

/** Of the keys that do not seal any more. */
function hasUnfinished(home: Home, keys: readonly SealedForm[]): boolean {
  const counts = Object.values(existsSync(home.state) ? surveyState(home.state) : {});
  return keys.slice(1).some((form) => counts.some((forms) => (forms[form] ?? 0) > 0));
}

async function waitUntilAlone(file: string, form: SealedForm, clock: Clock): Promise<void> {
  const endMs = clock.monotonic() + waitMsMax;
  for (;;) {
    const keys = sealingKeys(readKeyFile(file));
    if (!keys.includes(form)) throw new UserError(`${file} was changed by somebody else meanwhile; try again`);
    if (keys.length === 1) break;
    if (clock.monotonic() > endMs) {
      console.log(
        'Rewriting what is sealed with the old key goes on; naru secrets-encrypt status tells how far it is.',
      );
      return;
    }
    await clock.sleep(200);
  }
  console.log('Everything is sealed with it; the old key was removed. Backups from before need the file from before.');
}
