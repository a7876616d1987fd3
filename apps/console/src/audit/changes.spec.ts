import { describe, expect, it } from 'vitest';
import { changesOf } from './changes.ts';

describe('what an audit record says', () => {
  it('names only what differs, with what it was before', () => {
    const before = { name: 'Ada', role: 'Member', teams: ['Public'] };
    const after = { name: 'Ada', role: 'Editor', teams: ['Public', 'Data'] };
    expect(changesOf({ before, after })).toEqual([
      { name: 'role', before: 'Member', after: 'Editor' },
      { name: 'teams', before: 'Public', after: 'Public, Data' },
    ]);
  });

  it('says of what is new, or gone, only what tells it from others', () => {
    const user = { id: 4, user_id: 'loader@service', user_type: 'Service' };
    expect(changesOf({ before: null, after: { id: 6, name: 'ci', user, scim: false, expiration: null } })).toEqual([
      { name: 'name', after: 'ci' },
      { name: 'user', after: 'loader@service' },
      { name: 'expiration', after: 'none' },
    ]);
    expect(changesOf({ before: { name: 'ci', hint: 'abcd' }, after: null })).toEqual([{ name: 'name', before: 'ci' }]);
    expect(changesOf({ before: null, after: null })).toEqual([]);
  });

  it('says all of what has no name', () => {
    const after = { reason: 'wrong_password', count: 3 };
    expect(changesOf({ before: null, after })).toEqual([
      { name: 'reason', after: 'wrong_password' },
      { name: 'count', after: '3' },
    ]);
  });
});
