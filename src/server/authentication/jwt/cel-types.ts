/** What expressions of an AuthenticationConfiguration read: the claims of a token, and the user that was made of them. */
import { celValue } from '../../../lib/cel/json-values.ts';
import { type CelType, celTypes } from '../../../lib/cel/types.ts';
import type { CelValue } from '../../../lib/cel/values.ts';

const { string, dyn, map, list, object } = celTypes;

export const claimsType: CelType = map(string, dyn);

export const userType: CelType = object('kubernetes.UserInfo', {
  username: string,
  uid: string,
  groups: list(string),
  extra: map(string, list(string)),
});

/** Numbers of claims are doubles, as upstream has them. */
export const claimsValue = (claims: object): CelValue => celValue(claimsType, claims, { numbers: 'double' });

export const userValue = (user: object): CelValue => celValue(userType, user);
