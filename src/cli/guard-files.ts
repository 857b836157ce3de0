/**
 * The options that name files which say how the API is guarded (`GuardFiles`), under upstream's names: what they make of a home's
 * settings. An empty one turns an earlier one off.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import type { GuardFiles } from '../guard.ts';
import { UserError } from './user-error.ts';

/** By the option's name in commander; each is `--kebab-case <file>` on the command line. */
const options: Readonly<Record<keyof GuardFiles, string>> = {
  authenticationConfig: 'an AuthenticationConfiguration: OpenID Connect issuers, anonymous requests',
  authenticationTokenWebhookConfigFile: 'a kubeconfig: who is asked about tokens that nobody here knows',
  authorizationConfig: 'an AuthorizationConfiguration: which authorizers are asked, webhooks too',
  admissionControlConfigFile: 'an AdmissionConfiguration: settings of admission plugins',
  encryptionProviderConfig: "an EncryptionConfiguration: keys that seal what is stored, in place of naru's own",
};

export type GuardCommandOptions = { readonly [name in keyof GuardFiles]?: string };

const names = Object.keys(options) as (keyof GuardFiles)[];

const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export function withGuardFiles(command: Command): Command {
  for (const name of names) command.option(`${flagOf(name)} <file>`, `${options[name]}; '' to turn it off`);
  return command;
}

/** @throws UserError where a file that the command names is not there */
export function guardFiles(before: GuardFiles | undefined, given: GuardCommandOptions, folder: string): GuardFiles {
  const chosen = names.flatMap((name) => {
    const value = given[name];
    const file = value === undefined ? before?.[name] : value && path.resolve(folder, value);
    if (value && file && !existsSync(file)) {
      throw new UserError(`${flagOf(name)} names ${file}, which does not exist`);
    }
    return file ? [[name, file] as const] : [];
  });
  return Object.fromEntries(chosen);
}
