/** The keys of `build`, for `keys.ts`: what an image is made from. */
import { count, entries, flag, type Key, type Keys, list, map, or, pairs, text, texts } from './key.ts';

const byBuilder = '!the tool that builds has no such wish here; build the image yourself, and name it in image';

const limit: Key = or(
  map({ hard: count(byBuilder), soft: count(byBuilder) }, byBuilder, 'soft', 'hard'),
  'number',
  'text',
);
const secret: Keys = {
  source: text(byBuilder),
  target: text(byBuilder),
  uid: text(byBuilder),
  gid: text(byBuilder),
  mode: count(byBuilder),
};

export const buildKeys: Keys = {
  context: text('the folder with the source'),
  dockerfile: text('the Dockerfile'),
  dockerfile_inline: text(byBuilder),
  entitlements: texts(byBuilder),
  args: pairs('arguments of the build'),
  ssh: pairs(byBuilder),
  labels: pairs(byBuilder),
  cache_from: texts('!what is built already is found by its content'),
  cache_to: texts('!what is built already is found by its content'),
  no_cache: flag('!what is built already is found by its content'),
  additional_contexts: pairs(byBuilder),
  network: text(byBuilder),
  provenance: or(text(byBuilder), 'flag'),
  sbom: or(text(byBuilder), 'flag'),
  pull: flag(byBuilder),
  target: text('the stage of the Dockerfile'),
  shm_size: count(byBuilder),
  extra_hosts: { ...pairs(byBuilder), entries: or(texts(byBuilder), 'text') },
  isolation: text(byBuilder),
  privileged: flag(byBuilder),
  secrets: list(or(map(secret, byBuilder), 'text'), byBuilder),
  tags: texts('!the image has the name in image, or one of its content'),
  ulimits: entries(limit, byBuilder),
  platforms: texts('!images are built for this machine'),
};
