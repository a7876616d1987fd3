import { describe, expect, it } from 'vitest';
import { liveUpdateOf } from './live-update.js';

const read = (event: unknown) => liveUpdateOf(Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)));

describe('what an event says to pages', () => {
  it('is whose row has changed, and nothing of what is in it', () => {
    const token = { id: 4, name: 'secret project', user: { id: 7, user_id: 'a' } };
    const event = { type: 'TokenRevoked', data: { token, actor: { user_id: 'admin' } } };
    expect(read(event)).toEqual({ type: 'TokenRevoked', token_id: 4, user_id: 7 });
    expect(read({ type: 'UserUpdated', data: { user: { id: 7, name: 'x' } } })).toEqual({
      type: 'UserUpdated',
      user_id: 7,
    });
  });

  it.each([
    '',
    '{',
    'null',
    [],
    { type: 'Other', data: {} },
    { type: 'toString', data: { user: { id: 1 } } },
    { type: 'UserUpdated' },
    { type: 'UserUpdated', data: {} },
    { type: 'UserUpdated', data: { user: { id: '1' } } },
    { type: 'TokenRevoked', data: { token: { id: 1 } } },
    { type: 'TokenRevoked', data: { token: { id: 1.5, user: { id: 1 } } } },
    `"${'x'.repeat(600_000)}"`,
  ])('is nothing when it is none: %j', (event) => expect(read(event)).toBeUndefined());
});
