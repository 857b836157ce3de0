/**
 * The file that holds the keys: read, made, and changed as a rotation needs it. Its form is `encryption-configuration.ts`'s.
 *
 * Kept true: it is readable by its owner only; a change replaces it in one step and is on disk before anything is sealed with a new key; it
 * is never made anew where values are sealed already. Errors name the file and the way out, and carry no key.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { parseYaml, stringifyYaml } from '../../api/yaml.ts';
import { limits } from '../../lib/limits.ts';
import { replacePrivateFile } from '../../lib/private-file.ts';
import {
  type ConfiguredProvider,
  type ConfiguredRule,
  configurationKind,
  configurationVersion,
  type EncryptionConfiguration,
  readConfiguration,
  sealingOf,
} from './encryption-configuration.ts';
import type { SealedForm, Sealing } from './sealing.ts';

export interface KeyFile {
  readonly configuration: EncryptionConfiguration;
  readonly sealing: Sealing;
}

/** Which file, and whether naru made it: only then does naru change it. */
export interface KeyFilePlace {
  readonly file: string;
  readonly isOwn: boolean;
}

const wayOut = 'mend it, or restore it from a backup';

/** @throws Error, one sentence */
export function readKeyFile(file: string): KeyFile {
  let text: string;
  try {
    if (statSync(file).size > limits.keyFileBytesMax)
      throw new Error(`it has more than ${limits.keyFileBytesMax} bytes`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`the encryption configuration ${file} cannot be read (${code ?? message}); ${wayOut}`, {
      cause: error,
    });
  }
  return parsedKeyFile(file, text);
}

function parsedKeyFile(file: string, text: string): KeyFile {
  let value: unknown;
  try {
    ({ value } = parseYaml(text));
  } catch {
    // What the parser says may show the line, and so a key.
    throw new Error(`the encryption configuration ${file} is neither YAML nor JSON; ${wayOut}`);
  }
  try {
    const configuration = readConfiguration(value);
    return { configuration, sealing: sealingOf(configuration) };
  } catch (error) {
    throw new Error(`the encryption configuration ${file} is not valid: ${(error as Error).message}; ${wayOut}`, {
      cause: error,
    });
  }
}

/**
 * Reads the file; where it is naru's own and missing, makes one with a fresh key for Secrets.
 * @param holdsSealed whether the state holds sealed values: what sealed them is lost with the file
 * @throws Error, one sentence
 */
export function openKeyFile({ file, isOwn }: KeyFilePlace, holdsSealed: () => boolean): KeyFile {
  if (isOwn && !existsSync(file)) {
    if (holdsSealed()) {
      throw new Error(
        `the encryption configuration ${file} is missing, and the state beside it holds values that were sealed with its keys; restore the file from a backup, or move the state file away, too, to start an empty cluster`,
      );
    }
    replacePrivateFile(file, stringifyYaml(freshConfiguration()));
  }
  const keys = readKeyFile(file);
  if (isOwn && (statSync(file).mode & 0o777) !== 0o600) chmodSync(file, 0o600);
  return keys;
}

/** What was plain until now can be read until it is sealed. */
function freshConfiguration(): EncryptionConfiguration {
  return {
    apiVersion: configurationVersion,
    kind: configurationKind,
    resources: [{ resources: ['secrets'], providers: [{ aesgcm: { keys: [freshKey()] } }, { identity: {} }] }],
  };
}

function freshKey(): { name: string; secret: string } {
  return { name: `key-${randomBytes(6).toString('hex')}`, secret: randomBytes(32).toString('base64') };
}

/** Puts a fresh key in front of each rule that seals. Returns its form. @throws Error, one sentence */
export function addFreshKey(file: string): SealedForm {
  const { configuration } = readKeyFile(file);
  const key = freshKey();
  const seals = ({ providers }: ConfiguredRule): boolean => !!providers[0]?.aesgcm;
  if (!configuration.resources.some(seals)) {
    throw new Error(`the encryption configuration ${file} seals nothing: it has no rule that begins with aesgcm`);
  }
  const resources = configuration.resources.map((rule) =>
    seals(rule) ? { ...rule, providers: withKeyInFront(rule.providers, key) } : rule,
  );
  replacePrivateFile(file, stringifyYaml({ ...configuration, resources }));
  return `aesgcm:${key.name}`;
}

function withKeyInFront(
  [first, ...others]: readonly ConfiguredProvider[],
  key: { name: string; secret: string },
): ConfiguredProvider[] {
  return [{ aesgcm: { keys: [key, ...(first?.aesgcm?.keys ?? [])] } }, ...others];
}

/** Takes out keys that nothing is sealed with. What somebody else changed in the file meanwhile stays. @throws Error, one sentence */
export function removeKeys(file: string, forms: ReadonlySet<SealedForm>): void {
  const { configuration } = readKeyFile(file);
  const resources = configuration.resources.map((rule) => ({
    ...rule,
    providers: rule.providers.flatMap((provider) => withoutKeys(provider, forms)),
  }));
  replacePrivateFile(file, stringifyYaml({ ...configuration, resources }));
}

function withoutKeys(provider: ConfiguredProvider, forms: ReadonlySet<SealedForm>): ConfiguredProvider[] {
  const kind = provider.aesgcm ? 'aesgcm' : 'aescbc';
  const keys = provider[kind]?.keys;
  if (!keys) return [provider];
  const left = keys.filter(({ name }) => !forms.has(`${kind}:${name}`));
  return left.length === 0 ? [] : [{ [kind]: { keys: left } }];
}
