/**
 * A plan as HAProxy's configuration: pure, the same text for the same plan. Whatever the plan's texts hold, the result is a configuration that HAProxy
 * takes; what it would not take is left out and told, object by object.
 */
import type { Entry, Plan } from '../plan.ts';
import { Build } from './build.ts';
import { entryText, type FrontendContext, listenerOf } from './frontends.ts';
import { type GlobalSettings, globalText } from './global.ts';
import type { HandoverSettings } from './handover.ts';
import { mirrorAddress } from './names.ts';
import { type Rendering, shortHash } from './rendering.ts';
import { scriptText } from './script.ts';
import { mirrorSection } from './sections.ts';
import { word } from './words.ts';

/** `id`: eight hex digits. */
export interface RenderSettings extends GlobalSettings, HandoverSettings {}

export function render(plan: Plan, settings: RenderSettings): Rendering {
  const build = new Build(plan.backends);
  const { id, handoverKey, accessLog, anyAddress } = settings;
  const frontends = plan.entries.map((entry) =>
    textOrRefusals(entry, { build, id, handoverKey, accessLog, anyAddress }),
  );
  const mirror = mirrorText(id, build);
  const needsScript = mirror !== '' || build.scriptUsers.size > 0;
  const script = needsScript ? build.file('script', scriptText(id, build.scriptUsers, build.auths)) : undefined;
  const config = [globalText(settings, script), userText(build), ...frontends, mirror, build.text()].join('\n');
  return {
    config,
    files: build.files,
    maps: build.maps,
    certificates: build.certificates,
    servers: build.servers,
    listeners: plan.entries.map(listenerOf),
    refusals: build.refusals,
  };
}

/** What is wrong with an entry as a whole is the fault of all that it is for. */
function textOrRefusals(entry: Entry, context: FrontendContext): string {
  try {
    return entryText(entry, context);
  } catch (error) {
    for (const source of listenerOf(entry).sources) context.build.refuse(source, error);
    return '';
  }
}

function userText(build: Build): string {
  return [...build.userLists]
    .map(([name, users]) => [`userlist ${name}`, ...users.map((user) => `  ${user}`), ''].join('\n'))
    .join('\n');
}

/** Where the script sends copies and questions: each goes to the section that a header of ours names. */
function mirrorText(id: string, build: Build): string {
  const rows = [...build.mirrorSections].flatMap((backend) => {
    const known = build.backends.get(backend);
    if (known === undefined) return [];
    try {
      return [{ key: shortHash(`mirror ${backend}`), section: mirrorSection(known, build) }];
    } catch (error) {
      build.refuse(known.source, error);
      return [];
    }
  });
  if (build.mirrorSections.size + build.innerTargets.size === 0) return '';
  const { path, entries } = build.map('mirror.map');
  for (const { key, section } of rows) entries.set(key, section);
  for (const [key, section] of build.innerTargets) entries.set(key, section);
  return [
    'frontend mirror from http',
    `  bind ${word(mirrorAddress(id))}`,
    `  http-request set-var(txn.be) req.hdr(x-naru-mirror),map_str(${path})`,
    '  http-request return status 404 unless { var(txn.be) -m found }',
    '  use_backend %[var(txn.be)]',
    '',
  ].join('\n');
}
