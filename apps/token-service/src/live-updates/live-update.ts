import { EVENT_SUBJECTS, type EventType, type LiveUpdateDto } from '@portcullis/contracts';

const EVENT_BYTES_MAX = 512 * 1024;

/** An event, as far as a page must know it to read a row again. */
interface SeenEvent {
  type: EventType;
  data: { token?: { id: number; user: { id: number } }; user?: { id: number } };
}

/** What an event on NATS says has changed; undefined for what is none. Whoever made it up makes pages read again, and no more. */
export function liveUpdateOf(payload: Uint8Array): LiveUpdateDto | undefined {
  if (payload.length > EVENT_BYTES_MAX) return undefined;
  try {
    const { type, data } = JSON.parse(new TextDecoder().decode(payload)) as SeenEvent;
    if (!Object.hasOwn(EVENT_SUBJECTS, type)) return undefined;
    const update = data.token
      ? { type, token_id: data.token.id, user_id: data.token.user.id }
      : { type, user_id: data.user!.id };
    return Object.values(update).slice(1).every(Number.isSafeInteger) ? update : undefined;
  } catch {
    return undefined;
  }
}
