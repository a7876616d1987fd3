import { setTimeout as sleep } from 'node:timers/promises';
import type { ReceiptDto } from '@portcullis/contracts';
import type { ChangeOutcome, Direction, Register } from './history.ts';
import type { Reply } from './http-call.ts';
import type { Subject } from './subject.ts';

/** The API calls that give and take access. */
export interface AccessCall {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  path: string;
  body?: object;
  headers?: Record<string, string>;
}

/** `single`: one PUT. `bulk`: a revoke by filter. `async`: an answer at once, and then asking who has confirmed it. */
export type Manner = 'single' | 'bulk' | 'async';

export type Send = (call: AccessCall) => Promise<Reply>;

/** How long an asynchronous change is asked about, and how often. */
const CONFIRMED_WITHIN_MS = 10_000;
const ASK_AGAIN_MS = 50;

export function accessCall(subject: Subject, register: Register, direction: Direction, manner: Manner): AccessCall {
  const allow = direction === 'allow';
  const user = `/api/users/${subject.userId}`;
  const headers = manner === 'async' ? { headers: { Prefer: 'respond-async' } } : {};
  if (register === 'active') return { method: 'PUT', path: user, body: { active: allow }, ...headers };
  if (register === 'role')
    return { method: 'PUT', path: user, body: { role: allow ? 'Editor' : 'Member' }, ...headers };
  const token = subject.tokens[Number(register.slice('token:'.length))]!;
  if (manner === 'bulk' && !allow)
    return { method: 'POST', path: '/api/user-tokens/revoke', body: { ids: [token.id], user_id: subject.userId } };
  return { method: 'PUT', path: `/api/user-tokens/${token.id}`, body: { revoke: !allow }, ...headers };
}

export function deletion(subject: Subject): AccessCall {
  return { method: 'DELETE', path: `/api/users/${subject.userId}` };
}

/**
 * @returns how it went, and its receipt. A deletion that is asked for again is answered 404, after the barrier too, and an
 * asynchronous change has returned when nobody is pending any more.
 */
export async function settle(
  reply: Reply,
  method: string,
  send: Send,
): Promise<{ outcome: ChangeOutcome; receipt?: ReceiptDto }> {
  if (reply.status === 202) return settleAccepted(reply, send);
  const receipt = receiptOf(reply);
  const done = (reply.status >= 200 && reply.status < 300) || (method === 'DELETE' && reply.status === 404);
  if (done && receipt) return { outcome: 'returned', receipt };
  const unconfirmed = reply.status === 503 && reply.body.includes('"revocation_unconfirmed"');
  return { outcome: unconfirmed ? 'unconfirmed' : 'lost' };
}

async function settleAccepted({ body }: Reply, send: Send): Promise<{ outcome: ChangeOutcome }> {
  const { seq } = JSON.parse(body) as { seq: number };
  const untilMs = performance.now() + CONFIRMED_WITHIN_MS;
  while (performance.now() < untilMs) {
    const { status, body: answer } = await send({ method: 'GET', path: `/api/access/${seq}` });
    if (status === 200 && (JSON.parse(answer) as { pending: string[] }).pending.length === 0)
      return { outcome: 'returned' };
    await sleep(ASK_AGAIN_MS);
  }
  return { outcome: 'unconfirmed' };
}

export function receiptOf({ receipt }: Reply): ReceiptDto | undefined {
  return receipt === undefined ? undefined : (JSON.parse(receipt) as ReceiptDto);
}
