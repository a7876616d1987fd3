import { sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeHeader, Keyring, makeJti, TokenVerifier } from '@portcullis/access-control';
import { FeedVerifier } from './feed-verifier.js';
import { SigningKeys } from './signing-keys.js';
import { ManualClock } from './testing/manual-clock.js';
import { key, ModelLedger, TOKEN_ID_MAC_KEY, TOKEN_PRIVATE_KEY } from './testing/model-ledger.js';

function tokenSignedWith(kid: string): string {
  const claims = { iss: 'portcullis', sub: '7', jti: makeJti(5, TOKEN_ID_MAC_KEY), iat: 0 };
  const input = `${encodeHeader({ alg: 'EdDSA', kid })}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${input}.${sign(null, Buffer.from(input), TOKEN_PRIVATE_KEY).toString('base64url')}`;
}

function following(ledger: ModelLedger): { keys: SigningKeys; verifier: TokenVerifier } {
  const verifier = new TokenVerifier(new Keyring('', Buffer.alloc(32), []), 10);
  const keys = new SigningKeys({
    fetchKeys: () => Promise.resolve(ledger.keys()),
    verifier,
    feed: new FeedVerifier(),
    clock: new ManualClock(),
    onResolved: () => {},
    onFailure: () => {},
  });
  return { keys, verifier };
}

describe('SigningKeys', () => {
  it('refuses the tokens of a retired key from the moment that its entry is applied', () => {
    const ledger = new ModelLedger();
    ledger.kids.push('key-2');
    ledger.commit(key('key-1', 'verifying'), key('key-2', 'signing'));
    const { keys, verifier } = following(ledger);
    const view = ledger.replayedTo(2);
    keys.install(ledger.keys(), view);
    expect(verifier.verify(tokenSignedWith('key-1'), 1)).toMatchObject({ tokenId: 5, userId: 7 });

    const { entries } = ledger.commit(key('key-1', 'retired'));
    keys.noteEntries(view.advance(entries, 3), view);
    expect(verifier.verify(tokenSignedWith('key-1'), 1)).toMatchObject({ status: 401 });
    expect(verifier.verify(tokenSignedWith('key-2'), 1)).toMatchObject({ tokenId: 5 });
    expect(keys.resolvedSeq(3)).toBe(3);
  });

  it('does not bring a retired key back when an answer from before its retirement comes late', async () => {
    const ledger = new ModelLedger();
    ledger.commit(key('key-1', 'signing'));
    const { keys, verifier } = following(ledger);
    const view = ledger.replayedTo(1);
    keys.install(ledger.keys(), view);
    const { entries } = ledger.commit(key('key-2', 'signing'), key('key-1', 'retired'));
    keys.noteEntries(view.advance(entries, 3), view);
    await Promise.resolve();
    await Promise.resolve();
    expect(verifier.verify(tokenSignedWith('key-1'), 1)).toMatchObject({ status: 401 });
  });
});
