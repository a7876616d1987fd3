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

  it('says of what is new what it is, and of what is gone what it was called', () => {
    expect(changesOf({ before: null, after: { name: 'ci', expiration: null } })).toEqual([
      { name: 'name', after: 'ci' },
      { name: 'expiration', after: 'none' },
    ]);
    expect(changesOf({ before: { name: 'ci', hint: 'abcd' }, after: null })).toEqual([{ name: 'name', before: 'ci' }]);
    expect(changesOf({ before: null, after: null })).toEqual([]);
  });
});
