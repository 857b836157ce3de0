/** Claims without a volume: who would make one, whom they wait for, and which volume nearly fits. */
import { askedBytes, capacityBytes, claimKeyOf, classNameOf, waitsForPod } from '../../api/persistent-volumes.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import type { StorageClass } from '../../api/schema/types/storage-v1.ts';
import { mismatch } from '../../api/volume-matching.ts';
import { csiDrivers, persistentVolumes, pods, storageClasses } from '../../client/resources.ts';
import { argumentOf, type Finding, finding, remedy, subjectOf } from '../finding.ts';
import { eventLine, type Inquiry } from '../inquiry.ts';
import { bytesText, listed, meant, sinceText, timeOf } from '../words.ts';

/** A provisioner takes a while. */
const provisionMsMax = 60_000;
/** Those of naru itself. */
const ownProvisioners: ReadonlySet<string> = new Set(['naru.io/local']);

export async function claimRules(claim: PersistentVolumeClaim, inquiry: Inquiry): Promise<readonly Finding[]> {
  const phase = claim.status?.phase ?? 'Pending';
  if (claim.metadata?.deletionTimestamp !== undefined || phase === 'Bound') return [];
  if (phase === 'Lost') return [lost(claim)];
  const classes = await inquiry.look.list(storageClasses);
  const name = classNameOf(claim);
  const events = await inquiry.events(claim);
  const why = [`status.phase: ${phase}`, ...events.slice(0, 2).map((event) => eventLine(event, inquiry.nowMs))];
  const found = classes.find(({ metadata }) => metadata?.name === name);
  if (claim.spec?.volumeName) return [await namedVolume(claim, claim.spec.volumeName, why, inquiry)];
  if (name === '') return [await noClass(claim, classes, why, inquiry)];
  if (found === undefined) return [await classMissing(claim, name, classes, why, inquiry)];
  if (waitsForPod(found) && claim.metadata?.annotations?.['volume.kubernetes.io/selected-node'] === undefined) {
    return waiting(claim, why, inquiry);
  }
  return provisioning(claim, found, why, inquiry);
}

const lost = (claim: PersistentVolumeClaim): Finding =>
  finding(
    claim,
    'ClaimLost',
    `its volume ${claim.spec?.volumeName ?? ''} does not exist any more: what was on it is lost to the claim`,
    {
      why: ['status.phase: Lost'],
      fix: [
        remedy(
          'Restore from a backup: delete the claim, create it anew, and put the data in',
          `naru delete ${argumentOf(subjectOf(claim))}`,
        ),
      ],
    },
  );

async function namedVolume(
  claim: PersistentVolumeClaim,
  name: string,
  why: readonly string[],
  { look }: Inquiry,
): Promise<Finding> {
  const volume = await look.get(persistentVolumes, { namespace: '', name });
  const holder = volume && claimKeyOf(volume);
  const problem = volume && mismatch(volume, claim);
  const what =
    volume === undefined
      ? `the volume "${name}" that it names does not exist`
      : holder !== undefined
        ? `the volume "${name}" that it names belongs to the claim ${holder}`
        : `the volume "${name}" that it names does not fit: ${problem ?? 'it is not available yet'}`;
  return finding(claim, 'NamedVolumeUnusable', what, { why, fix: [remedy('See the volumes', 'naru get pv')] });
}

async function noClass(
  claim: PersistentVolumeClaim,
  classes: readonly StorageClass[],
  why: readonly string[],
  inquiry: Inquiry,
): Promise<Finding> {
  const names = classes.map(({ metadata }) => metadata?.name ?? '');
  return finding(claim, 'NoVolume', 'no volume matches it, and it names no storage class that would make one', {
    why: [...why, ...(await nearVolumes(claim, inquiry)), `storage classes: ${listed(names) || 'none'}`],
    fix: [
      names.length === 0
        ? remedy('Create a PersistentVolume that fits, or a StorageClass')
        : remedy(`Create it anew with storageClassName: ${names.includes('naru-local') ? 'naru-local' : names[0]}`),
      claim.spec?.storageClassName === ''
        ? remedy(
            'storageClassName: "" means: only volumes without a class; leave the field out to get the default class',
          )
        : undefined,
    ],
  });
}

async function classMissing(
  claim: PersistentVolumeClaim,
  name: string,
  classes: readonly StorageClass[],
  why: readonly string[],
  inquiry: Inquiry,
): Promise<Finding> {
  const names = classes.map(({ metadata }) => metadata?.name ?? '');
  return finding(claim, 'StorageClassMissing', `there is no StorageClass "${name}"${meant(name, names)}`, {
    why: [...why, `storage classes: ${listed(names) || 'none'}`, ...(await nearVolumes(claim, inquiry))],
    fix: [
      remedy(
        'Create that class, or delete the claim and create it with a class that is there (the field cannot be changed)',
        `naru delete ${argumentOf(subjectOf(claim))}`,
      ),
      remedy('Or create a PersistentVolume with this storageClassName by hand'),
    ],
  });
}

/** Until a pod uses it, nothing is wrong. */
async function waiting(
  claim: PersistentVolumeClaim,
  why: readonly string[],
  { look }: Inquiry,
): Promise<readonly Finding[]> {
  const { name = '', namespace = '' } = claim.metadata ?? {};
  const users = (await look.list(pods, namespace)).filter(({ spec }) =>
    spec?.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === name),
  );
  const text =
    users.length === 0
      ? 'it waits for the first pod that uses it; there is none yet'
      : `it waits until ${listed(
          users.map(({ metadata }) => `pod ${metadata?.name}`),
          3,
        )} has a node`;
  return [
    finding(claim, 'WaitsForPod', text, {
      severity: 'note',
      why: [...why, 'its class has volumeBindingMode: WaitForFirstConsumer'],
    }),
  ];
}

async function provisioning(
  claim: PersistentVolumeClaim,
  { metadata, provisioner }: StorageClass,
  why: readonly string[],
  inquiry: Inquiry,
): Promise<readonly Finding[]> {
  const failed = (await inquiry.events(claim)).find(
    ({ type, reason }) => type === 'Warning' && reason === 'ProvisioningFailed',
  );
  const near = await nearVolumes(claim, inquiry);
  const edit = remedy('See the class', `naru describe storageclass/${metadata?.name}`);
  if (failed !== undefined) {
    return [
      finding(claim, 'ProvisioningFailed', `its volume cannot be made: ${(failed.message ?? '').slice(0, 300)}`, {
        why: [...why, ...near],
        fix: [edit],
      }),
    ];
  }
  if (provisioner === 'kubernetes.io/no-provisioner') {
    return [
      finding(
        claim,
        'NoVolume',
        `nobody makes volumes of the class "${metadata?.name}" (no-provisioner), and none that exists fits`,
        {
          why: [...why, ...near],
          fix: [remedy('Create a PersistentVolume of this class that fits')],
        },
      ),
    ];
  }
  if (!ownProvisioners.has(provisioner) && !(await isInstalled(provisioner, inquiry))) {
    return [
      finding(
        claim,
        'ProvisionerMissing',
        `the provisioner "${provisioner}" of its class does not run in this cluster`,
        {
          why: [...why, `no CSIDriver and no pod is called so`, ...near],
          fix: [
            remedy(
              'Install that driver, or use another class (the claim must be created anew)',
              'naru get storageclasses',
            ),
          ],
        },
      ),
    ];
  }
  const ageMs = inquiry.nowMs - (timeOf(claim.metadata?.creationTimestamp) ?? inquiry.nowMs);
  if (ageMs < provisionMsMax) return [];
  return [
    finding(
      claim,
      'ProvisionerSlow',
      `the provisioner "${provisioner}" has not made its volume for ${sinceText(claim.metadata?.creationTimestamp, inquiry.nowMs)}`,
      {
        why: [...why, ...near],
        fix: [remedy("Read the log of the driver's pods", 'naru get pods -A')],
      },
    ),
  ];
}

async function isInstalled(provisioner: string, { look }: Inquiry): Promise<boolean> {
  if ((await look.list(csiDrivers)).some(({ metadata }) => metadata?.name === provisioner)) return true;
  const word = provisioner.split('/').at(-1) ?? provisioner;
  return (await look.list(pods)).some(({ metadata, spec }) =>
    [metadata?.name ?? '', ...(spec?.containers ?? []).map(({ image = '' }) => image)].some((text) =>
      text.includes(word),
    ),
  );
}

/** Volumes that are free, and why they will not do. */
async function nearVolumes(claim: PersistentVolumeClaim, { look }: Inquiry): Promise<string[]> {
  const free = (await look.list(persistentVolumes)).filter(
    ({ status, spec }) => status?.phase === 'Available' && spec?.claimRef === undefined,
  );
  return free
    .slice(0, 4)
    .map(
      (volume) =>
        `volume ${volume.metadata?.name} (${bytesText(capacityBytes(volume))}) is free, but ${whyNot(volume, claim)}`,
    );
}

function whyNot(volume: PersistentVolume, claim: PersistentVolumeClaim): string {
  if (capacityBytes(volume) < askedBytes(claim)) return `too small: ${bytesText(askedBytes(claim))} are asked for`;
  if (classNameOf(volume) !== classNameOf(claim))
    return `its class is "${classNameOf(volume)}", not "${classNameOf(claim)}"`;
  return mismatch(volume, claim) ?? "does not match the claim's selector";
}

/** A volume that nobody can have. */
export async function volumeRules(volume: PersistentVolume): Promise<readonly Finding[]> {
  const phase = volume.status?.phase;
  if (phase === 'Failed') {
    return [
      finding(volume, 'VolumeFailed', `its reclaiming failed: ${volume.status?.message ?? ''}`, {
        why: ['status.phase: Failed'],
        fix: [remedy('Remove what is on it by hand, then delete it', `naru delete ${argumentOf(subjectOf(volume))}`)],
      }),
    ];
  }
  if (phase !== 'Released') return [];
  return [
    finding(
      volume,
      'VolumeReleased',
      `its claim is gone, and it keeps the data (${volume.spec?.persistentVolumeReclaimPolicy ?? 'Retain'}): no other claim gets it`,
      {
        severity: 'note',
        why: [`status.phase: Released; it belonged to ${claimKeyOf(volume) ?? 'nobody'}`],
        fix: [
          remedy(
            'To give it away with what is on it: remove spec.claimRef',
            `naru edit ${argumentOf(subjectOf(volume))}`,
          ),
          remedy('To be rid of it', `naru delete ${argumentOf(subjectOf(volume))}`),
        ],
      },
    ),
  ];
}
