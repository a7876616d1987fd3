import type { CreatedTokenDto, EventToken, PortcullisEvent } from '@portcullis/contracts';
import { expect } from 'vitest';

/** What events say of a token. */
export function eventToken({ id, name, type, scim, expiration, created_at, user }: CreatedTokenDto): EventToken {
  const { id: userId, user_id, user_type } = user;
  return { id, name, type, scim, expiration, created_at, user: { id: userId, user_id, user_type } };
}

/** The whole CloudEvent, to the last member; a subscriber sees exactly this. */
export function envelope(
  event: PortcullisEvent,
  expected: { type: string; subject: string; accessseq?: number },
): object {
  const { type, subject, ...access } = expected;
  return {
    specversion: '1.0',
    id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
    source: '/portcullis/token-service',
    type,
    subject,
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    datacontenttype: 'application/json',
    ...access,
    data: expect.objectContaining({ event: { id: event.id, type, time: event.time } }),
  };
}

/** What an event carries beside the repeated envelope. */
export function dataOf({ data }: PortcullisEvent): object {
  return { ...data, event: undefined };
}
