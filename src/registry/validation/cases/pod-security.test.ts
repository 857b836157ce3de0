/** What upstream accepts and refuses of a pod's security context, of namespaces shared with the node, and of systems. */
import type { JsonValue } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const main = { name: 'main', image: 'registry.example/app:1' };
const at = 'spec.securityContext';

function secure(name: string, securityContext: JsonValue, ...errors: string[]): ValidationCase {
  return { name, changes: { [at]: securityContext }, errors: errors.map((error) => at + error) };
}

const sysctl = (...names: string[]): JsonValue => ({ sysctls: names.map((name) => ({ name, value: '1' })) });
const pattern = String.raw`must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`;
const onWindows = 'Forbidden: cannot be set for a windows pod';
const hostProcess = { windowsOptions: { hostProcess: true } };

testCases([
  {
    resource: 'pods',
    valid: { metadata: { name: 'pod' }, spec: { containers: [main] } },
    cases: [
      secure('takes users, groups and policies', {
        runAsUser: 1000,
        runAsGroup: 1000,
        fsGroup: 2000,
        fsGroupChangePolicy: 'OnRootMismatch',
        supplementalGroups: [1, 2],
        supplementalGroupsPolicy: 'Strict',
        seLinuxChangePolicy: 'Recursive',
        seccompProfile: { type: 'RuntimeDefault' },
      }),
      secure(
        'refuses ids that no system has',
        { fsGroup: -1, runAsUser: -2, runAsGroup: -3, supplementalGroups: [0, -4] },
        '.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive',
        '.runAsUser: Invalid value: -2: must be between 0 and 2147483647, inclusive',
        '.runAsGroup: Invalid value: -3: must be between 0 and 2147483647, inclusive',
        '.supplementalGroups[1]: Invalid value: -4: must be between 0 and 2147483647, inclusive',
      ),
      secure(
        'refuses a group change policy that there is not',
        { fsGroupChangePolicy: 'Never' },
        '.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"',
      ),
      secure(
        'refuses a supplemental groups policy that there is not',
        { supplementalGroupsPolicy: 'Lax' },
        '.supplementalGroupsPolicy: Unsupported value: "Lax": supported values: "Merge", "Strict"',
      ),
      secure(
        'refuses labels by mount option, whose feature is off',
        { seLinuxChangePolicy: 'MountOption' },
        '.seLinuxChangePolicy: Unsupported value: "MountOption": supported values: "Recursive"',
      ),
      secure(
        'refuses a seccomp profile of no type',
        { seccompProfile: {} },
        '.seccompProfile.type: Required value: type is required when seccompProfile is set',
      ),
      secure(
        'refuses an AppArmor profile of an unknown type',
        { appArmorProfile: { type: 'Own' } },
        '.appArmorProfile.type: Unsupported value: "Own": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
      ),
      secure('takes sysctls with dots and with slashes', sysctl('kernel.shm_rmid_forced', 'net/ipv4/conf/eth0.1/x')),
      secure(
        'refuses sysctls of no name, of a bad one, and one twice',
        sysctl('', 'a..b', 'kernel.x', 'kernel.x'),
        '.sysctls[0].name: Required value',
        `.sysctls[1].name: Invalid value: "a..b": ${pattern}`,
        '.sysctls[3].name: Duplicate value: "kernel.x"',
      ),
      secure(
        'refuses a sysctl that is too long',
        sysctl('a'.repeat(254)),
        `.sysctls[0].name: Invalid value: "${'a'.repeat(254)}": ${pattern}`,
      ),
      {
        name: 'refuses sysctls of the node’s own network',
        changes: { 'spec.hostNetwork': true, [at]: sysctl('net.ipv4.x', 'net/ipv4/y', 'kernel.msgmax') },
        errors: [
          `${at}.sysctls[0].name: Invalid value: "net.ipv4.x": may not be specified when 'hostNetwork' is true`,
          `${at}.sysctls[1].name: Invalid value: "net/ipv4/y": may not be specified when 'hostNetwork' is true`,
        ],
      },
      {
        name: 'refuses sysctls of the node’s own IPC',
        changes: { 'spec.hostIPC': true, [at]: sysctl('kernel.sem', 'kernel.msgmax', 'fs.mqueue.x', 'net.y') },
        errors: [
          `${at}.sysctls[0].name: Invalid value: "kernel.sem": may not be specified when 'hostIPC' is true`,
          `${at}.sysctls[1].name: Invalid value: "kernel.msgmax": may not be specified when 'hostIPC' is true`,
          `${at}.sysctls[2].name: Invalid value: "fs.mqueue.x": may not be specified when 'hostIPC' is true`,
        ],
      },
      { name: 'takes processes in one namespace', changes: { 'spec.shareProcessNamespace': true } },
      {
        name: 'refuses one namespace for processes that is also the node’s',
        changes: { 'spec.hostPID': true, 'spec.shareProcessNamespace': true },
        errors: [
          `${at}.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled`,
        ],
      },
      { name: 'takes users of the pod’s own', changes: { 'spec.hostUsers': false } },
      {
        name: 'refuses the node’s namespaces beside users of the pod’s own',
        changes: { 'spec.hostUsers': false, 'spec.hostNetwork': true, 'spec.hostPID': true, 'spec.hostIPC': true },
        errors: [
          'spec.hostNetwork: Forbidden: when `hostUsers` is false',
          'spec.HostPID: Forbidden: when `hostUsers` is false',
          'spec.HostIPC: Forbidden: when `hostUsers` is false',
        ],
      },
      {
        name: 'refuses block devices beside users of the pod’s own',
        changes: {
          'spec.hostUsers': false,
          'spec.volumes': [{ name: 'disk', persistentVolumeClaim: { claimName: 'disk' } }],
          'spec.containers[0].volumeDevices': [{ name: 'disk', devicePath: '/dev/x' }],
        },
        errors: ['spec.containers[0].volumeDevices: Forbidden: when `hostUsers` is false'],
      },

      {
        name: 'refuses options of Windows on Linux',
        changes: {
          'spec.os': { name: 'linux' },
          [at]: { windowsOptions: {} },
          'spec.containers[0].securityContext': { windowsOptions: {} },
        },
        errors: [
          `${at}.windowsOptions: Forbidden: windows options cannot be set for a linux pod`,
          'spec.containers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod',
        ],
      },
      {
        name: 'refuses what only Linux has on Windows, of the pod',
        changes: {
          'spec.os': { name: 'windows' },
          'spec.hostUsers': true,
          'spec.hostPID': true,
          'spec.hostIPC': true,
          'spec.shareProcessNamespace': false,
          [at]: {
            appArmorProfile: { type: 'Unconfined' },
            seLinuxOptions: {},
            seccompProfile: { type: 'Unconfined' },
            fsGroup: 1,
            fsGroupChangePolicy: 'Always',
            sysctls: [{ name: 'a', value: 'b' }],
            runAsUser: 1,
            runAsGroup: 1,
            supplementalGroups: [1],
            supplementalGroupsPolicy: 'Merge',
            seLinuxChangePolicy: 'Recursive',
          },
        },
        errors: [
          `${at}.appArmorProfile: ${onWindows}`,
          `${at}.seLinuxOptions: ${onWindows}`,
          `spec.hostUsers: ${onWindows}`,
          `spec.hostPID: ${onWindows}`,
          `spec.hostIPC: ${onWindows}`,
          `${at}.seccompProfile: ${onWindows}`,
          `${at}.fsGroup: ${onWindows}`,
          `${at}.fsGroupChangePolicy: ${onWindows}`,
          `${at}.sysctls: ${onWindows}`,
          `spec.shareProcessNamespace: ${onWindows}`,
          `${at}.runAsUser: ${onWindows}`,
          `${at}.runAsGroup: ${onWindows}`,
          `${at}.supplementalGroups: ${onWindows}`,
          `${at}.supplementalGroupsPolicy: ${onWindows}`,
          `${at}.seLinuxChangePolicy: ${onWindows}`,
        ],
      },
      {
        name: 'refuses what only Linux has on Windows, of a container',
        changes: {
          'spec.os': { name: 'windows' },
          'spec.containers[0].securityContext': {
            capabilities: {},
            readOnlyRootFilesystem: true,
            privileged: false,
            allowPrivilegeEscalation: true,
            procMount: 'Default',
            runAsUser: 1,
          },
        },
        errors: [
          `spec.containers[0].securityContext.capabilities: ${onWindows}`,
          `spec.containers[0].securityContext.readOnlyRootFilesystem: ${onWindows}`,
          `spec.containers[0].securityContext.privileged: ${onWindows}`,
          `spec.containers[0].securityContext.allowPrivilegeEscalation: ${onWindows}`,
          `spec.containers[0].securityContext.procMount: ${onWindows}`,
          `spec.containers[0].securityContext.runAsUser: ${onWindows}`,
        ],
      },
      { name: 'takes processes of the node', changes: { 'spec.hostNetwork': true, [at]: hostProcess } },
      {
        name: 'refuses processes of the node off its network',
        changes: { [at]: hostProcess },
        errors: [
          'spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers',
        ],
      },
      {
        name: 'refuses processes of the node beside containers',
        changes: {
          'spec.hostNetwork': true,
          'spec.containers': [main, { ...main, name: 'b', securityContext: hostProcess }],
        },
        errors: [
          'spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers',
        ],
      },
      {
        name: 'refuses a container that contradicts its pod',
        changes: {
          'spec.hostNetwork': true,
          [at]: hostProcess,
          'spec.containers[0].securityContext': { windowsOptions: { hostProcess: false } },
        },
        errors: [
          'spec.containers[0].securityContext.windowsOptions.hostProcess: Invalid value: false: pod hostProcess value must be identical if both are specified, was true',
        ],
      },
    ],
  },
]);
