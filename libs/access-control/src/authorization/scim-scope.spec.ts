import type { Role, UserType } from '@portcullis/contracts';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../authentication/caller.js';
import { isScimPath, scimScopeRefusal } from './scim-scope.js';

function callerOf(user_type: UserType, role: Role, scim: boolean): Caller {
  return { principal: { id: 1, user_id: 'x', user_type, role, teams: ['Public'], active: true }, tokenId: 1, scim };
}

describe('the SCIM scope', () => {
  it.each([
    ['a SCIM token of a service user, whatever its role', callerOf('Service', 'Member', true)],
    ['a SCIM token of an Admin', callerOf('User', 'Admin', true)],
    ['an unrestricted token of an Admin', callerOf('User', 'Admin', false)],
    ['an unrestricted token of a service user that is Admin', callerOf('Service', 'Admin', false)],
  ])('lets %s into SCIM', (_, caller) => {
    expect(scimScopeRefusal(caller, true)).toBeUndefined();
  });

  it.each([
    ['an unrestricted token of a Manager', callerOf('User', 'Manager', false)],
    ['a personal SCIM token whose owner ceased to be Admin', callerOf('User', 'Manager', true)],
  ])('keeps %s out of SCIM', (_, caller) => {
    expect(scimScopeRefusal(caller, true)).toMatchObject({ status: 403, code: 'insufficient_scope' });
  });

  it('keeps a SCIM token out of everything else', () => {
    expect(scimScopeRefusal(callerOf('User', 'Admin', true), false)).toMatchObject({
      status: 403,
      code: 'insufficient_scope',
    });
  });

  it.each(['/scim/v2', '/scim/v2/Users', '/api/scim/v2', '/api/scim/v2/Groups/1'])('covers %s', (path) => {
    expect(isScimPath(path)).toBe(true);
  });

  it.each(['/scim/v22', '/scim', '/scim/v1/Users', '/api/scim', '/x/scim/v2', '/SCIM/v2'])(
    'does not cover %s',
    (path) => {
      expect(isScimPath(path)).toBe(false);
    },
  );
});
