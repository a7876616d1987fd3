/** The `data` of an event: it stands on its own, for Nest hands its handlers nothing else of the CloudEvent. */
export interface EventData {
  event: { id: string; type: string; time: string };
  token?: { id: number; name: string; user?: { user_id: string } };
  user?: { id: number; user_id: string };
  actor?: { user_id: string | null };
  reason?: string;
  count?: number;
}

/** The whole event, a CloudEvent 1.0, as a durable consumer reads it from the stream. */
export interface PortcullisEvent {
  id: string;
  type: string;
  subject?: string;
  data: EventData;
}

/** One line about an event, such as `TokenRevoked token/456 "api-production" of api_access@service by admin`. */
export function describe({ event, token, user, actor, reason, count }: EventData): string {
  const parts = [event.type];
  if (token) parts.push(`token/${token.id} "${token.name}"`, token.user ? `of ${token.user.user_id}` : '');
  else if (user) parts.push(`user/${user.id} ${user.user_id}`);
  if (count !== undefined) parts.push(`used ${count} times`);
  if (actor?.user_id) parts.push(`by ${actor.user_id}`);
  if (reason) parts.push(`(${reason})`);
  return [...parts.filter(Boolean), event.time].join(' ');
}
