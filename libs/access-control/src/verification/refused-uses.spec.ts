import { type Problem, unauthorized } from '@portcullis/contracts';
import { describe, expect, it } from 'vitest';
import { RefusedUses } from './refused-uses.js';
import { TOKEN_REFUSALS } from './token-refusals.js';

const tokenOf = (id: number): string =>
  `Bearer h.${Buffer.from(JSON.stringify({ jti: `${id}.mac` })).toString('base64url')}.s`;

function refused(uses: RefusedUses, nowMs: number, id = 5, problem: Problem = TOKEN_REFUSALS.revoked): void {
  const request = {
    authorization: tokenOf(id),
    address: '192.0.2.1',
    route: '/api/datastores',
    requestId: `r-${nowMs}`,
  };
  uses.note({ problem, ...request }, nowMs);
}

describe('refused uses', () => {
  it('tells of the first at once, and of those after it once a minute with their number', () => {
    const uses = new RefusedUses();
    refused(uses, 1_000);
    const first = { token_id: 5, reason: 'revoked', ip: '192.0.2.1', route: '/api/datastores', request_id: 'r-1000' };
    expect(uses.take(1_500)).toEqual([{ ...first, count: 1, last_at: 1_000 }]);
    for (let ms = 2_000; ms < 52_000; ms += 1_000) refused(uses, ms);
    expect(uses.take(61_499)).toEqual([]);
    expect(uses.take(61_500)).toEqual([{ ...first, count: 50, last_at: 51_000 }]);
    expect(uses.take(200_000)).toEqual([]);
  });

  it('holds a thousand at most, whatever comes, and loses none in number', () => {
    const uses = new RefusedUses();
    for (let id = 1; id <= 5_000; id += 1) refused(uses, 0, id);
    const all = Array.from({ length: 10 }, () => uses.take(1)).flat();
    expect(all).toHaveLength(1_001);
    expect(all.reduce((sum, { count }) => sum + count, 0)).toBe(5_000);
    expect(all.find(({ token_id }) => token_id === 0)).toMatchObject({ count: 4_000, ip: '', reason: 'revoked' });
    uses.take(120_000);
    refused(uses, 120_001, 7_777);
    expect(uses.take(120_002)).toMatchObject([{ token_id: 7_777 }]);
  });

  it('takes no notice of what was not issued here, or of a caller without a token', () => {
    const uses = new RefusedUses();
    refused(uses, 0, 5, unauthorized('The token was not issued here', 'invalid_token'));
    refused(uses, 0, 5, unauthorized('A bearer token is required'));
    expect(uses.take(1)).toEqual([]);
  });
});
