/** Containers that wait for their image: what is wrong with the name, the rights, the way to the registry. A new message of runtimes is a row. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { secrets } from '../../client/resources.ts';
import { type Finding, finding, type Remedy, remedy } from '../finding.ts';
import { eventLine, type Inquiry } from '../inquiry.ts';
import { listed } from '../words.ts';
import { containersOf, containerText, type SeenContainer } from './containers.ts';

const reasons: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

interface Row {
  readonly pattern: RegExp;
  readonly code: string;
  readonly what: (image: string, registry: string) => string;
  readonly fix: (image: string, registry: string) => readonly Remedy[];
}

const byHand = (image: string): readonly Remedy[] => [
  remedy('Or bring it onto this machine without a registry: from an archive', 'naru image import FILE'),
  remedy('from a folder with its source', `naru build DIR --name ${image}`),
  remedy('or from a program that is here', `naru image pack PROGRAM --name ${image}`),
];

const correct = remedy("Correct the name in the workload's template");

/** The first that matches; what needs fewer guesses stands first. */
const rows: readonly Row[] = [
  {
    pattern: /pull policy of Never|ErrImageNeverPull/,
    code: 'ImageNotHere',
    what: (image) => `the image ${image} is not on its node, and imagePullPolicy Never forbids to pull it`,
    fix: (image) => [
      remedy('See which images are on this machine', 'naru image list'),
      ...byHand(image),
      remedy('Or let it be pulled: imagePullPolicy: IfNotPresent'),
    ],
  },
  {
    pattern: /couldn't parse image|InvalidImageName|invalid reference format/,
    code: 'ImageNameInvalid',
    what: (image) => `"${image}" is no name of an image`,
    fix: () => [
      remedy('Names look like registry.example.com/team/web:1.2 and are in lower case; correct it in the template'),
    ],
  },
  {
    pattern: /toomanyrequests|too many requests|\b429\b|rate limit/i,
    code: 'RegistryRateLimit',
    what: (image, registry) =>
      `the registry ${registry} gives ${image} to nobody for now: its limit of pulls is reached`,
    fix: (image) => [
      remedy(
        'Wait (it is tried again by itself), or sign in: pulls with an account have a higher limit',
        `naru image pull ${image} --username NAME --password-stdin`,
      ),
      remedy('Or name a mirror in NARU_HOME/registries.yaml'),
    ],
  },
  {
    pattern: /server gave HTTP response to HTTPS client/,
    code: 'RegistryPlainHttp',
    what: (_image, registry) => `the registry ${registry} speaks plain HTTP, and was asked by HTTPS`,
    fix: (_image, registry) => [
      remedy(`Say so in NARU_HOME/registries.yaml on the node: registries: {"${registry}": {plainHttp: true}}`),
    ],
  },
  {
    pattern: /x509|certificate|tls: /i,
    code: 'RegistryCertificate',
    what: (_image, registry) => `the certificate of the registry ${registry} is not trusted`,
    fix: (_image, registry) => [
      remedy(
        `Name its authority for "${registry}" in NARU_HOME/registries.yaml on the node, and look at the clock`,
        'naru doctor',
      ),
    ],
  },
  {
    pattern:
      /no such host|connection refused|i\/o timeout|dial tcp|network is unreachable|no route to host|deadline exceeded|EOF|connection reset|unavailable/i,
    code: 'RegistryUnreachable',
    what: (image, registry) => `the node cannot reach the registry ${registry}, where ${image} would come from`,
    fix: (image, registry) => [
      remedy(`Look from the node whether ${registry} can be reached, and whether names resolve there`, 'naru doctor'),
      ...byHand(image),
      remedy('Or name a mirror in NARU_HOME/registries.yaml'),
    ],
  },
  {
    pattern: /no space left|disk quota/i,
    code: 'NoSpaceForImage',
    what: (image) => `the node's disk is full: there is no room for ${image}`,
    fix: () => [
      remedy('See which images are there, and remove some', 'naru image list'),
      remedy('See how full the disks are', 'naru doctor'),
    ],
  },
  {
    pattern: /no match for platform|no matching manifest/i,
    code: 'ImageForOtherMachine',
    what: (image) => `${image} is not made for machines of this kind (architecture)`,
    fix: () => [
      remedy(
        'Use a tag that is built for this architecture, or a node that has the right one (nodeSelector: kubernetes.io/arch)',
      ),
    ],
  },
  {
    pattern: /unauthorized|authentication required|authorization failed|401|403 Forbidden|denied|insufficient_scope/i,
    code: 'ImageRightsMissing',
    what: (image, registry) =>
      `the registry ${registry} does not give ${image} to us: the name is wrong, or it is private and we did not sign in`,
    fix: () => [
      correct,
      remedy(
        'If it is private: make a Secret of type kubernetes.io/dockerconfigjson and name it in imagePullSecrets of the pod or its service account',
      ),
      remedy('Or let the node itself sign in: credentials in NARU_HOME/registries.yaml'),
    ],
  },
  {
    pattern: /not found|manifest unknown|name unknown|does not exist|404/i,
    code: 'ImageNotFound',
    what: (image, registry) => `the registry ${registry} knows no image ${image}: its name or its tag is wrong`,
    fix: (image) => [correct, ...byHand(image)],
  },
  {
    pattern: /signature/i,
    code: 'ImageSignature',
    what: (image) => `the signature of ${image} does not hold`,
    fix: () => [remedy('Do not run it before its publisher has explained why')],
  },
];

const other: Row = {
  pattern: /(?:)/,
  code: 'ImagePullFailed',
  what: (image) => `the image ${image} cannot be pulled`,
  fix: (image) => [correct, ...byHand(image)],
};

export async function images(pod: Pod, inquiry: Inquiry): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const seen of containersOf(pod)) {
    const waiting = seen.status?.state?.waiting;
    if (waiting?.reason === undefined || !reasons.has(waiting.reason)) continue;
    findings.push(await imageFinding(pod, seen, waiting.reason, waiting.message ?? '', inquiry));
  }
  return findings;
}

async function imageFinding(
  pod: Pod,
  seen: SeenContainer,
  reason: string,
  message: string,
  inquiry: Inquiry,
): Promise<Finding> {
  const image = seen.container.image ?? '';
  const told = (await inquiry.events(pod)).find(
    (event) => event.type === 'Warning' && event.message?.includes(image) === true && /pull|image/i.test(event.message),
  );
  const text = `${message} ${message.length > 60 ? '' : (told?.message ?? '')} ${reason}`;
  const row = rows.find(({ pattern }) => pattern.test(text.replaceAll(image, ''))) ?? other;
  const registry = registryOf(image);
  const missing = await missingPullSecrets(pod, inquiry);
  return finding(pod, row.code, row.what(image, registry), {
    why: [
      `${containerText(seen)} waits: ${reason}: ${message.slice(0, 500)}`,
      told && eventLine(told, inquiry.nowMs),
      missing.length === 0
        ? undefined
        : `imagePullSecrets names ${listed(missing)}, which ${missing.length === 1 ? 'does' : 'do'} not exist`,
    ],
    fix: [
      missing[0] === undefined
        ? undefined
        : remedy(
            `Create the Secret ${missing[0]} (type kubernetes.io/dockerconfigjson) in namespace ${pod.metadata?.namespace}`,
          ),
      ...row.fix(image, registry),
    ],
  });
}

async function missingPullSecrets(pod: Pod, { look }: Inquiry): Promise<string[]> {
  const namespace = pod.metadata?.namespace ?? '';
  const missing: string[] = [];
  for (const { name = '' } of pod.spec?.imagePullSecrets ?? []) {
    if ((await look.get(secrets, { namespace, name })) === undefined) missing.push(name);
  }
  return missing;
}

/** `docker.io` where the name begins with none, as runtimes read it. */
export function registryOf(image: string): string {
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  return /[.:]/.test(first) || first === 'localhost' ? first : 'docker.io';
}
