import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Problem, type ReceiptDto, type RotatedKeyDto } from '@portcullis/contracts';
import { AccessLedger } from '../access/access-ledger.js';
import type { AccessTransaction } from '../access/access-transaction.js';
import { RevocationBarrier } from '../access/revocation-barrier.js';
import type { Actor } from '../audit/actor.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { KEYS_RELOAD_MS, SigningKeys } from './signing-keys.js';

/** Puts a new key in the place of the one that signs. */
@Injectable()
export class KeyRotation {
  constructor(
    private readonly keys: SigningKeys,
    private readonly ledger: AccessLedger,
    private readonly barrier: RevocationBarrier,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /** The key of an installation that has none: no gateway can hold a token of it yet. */
  async makeFirst(): Promise<void> {
    await this.ledger.change(async (tx) => {
      if (await this.keys.signing(tx.manager)) return;
      const kid = await this.keys.make(tx.manager, this.config.tokenAlgorithm, 'signing');
      tx.record([{ kind: 'key', id: kid, value: 'signing' }]);
    });
  }

  /**
   * Makes a key, waits until every gateway that may admit anyone and every token-service can verify with it, and only then signs
   * with it. What was cut
   * short is taken up again by the next call, and two calls at once share one new key.
   *
   * @throws Problem 503 `key_unconfirmed`: a gateway has not fetched it yet; the old key goes on signing
   */
  async rotate(actor: Actor): Promise<RotatedKeyDto> {
    const { result: kid, position } = await this.ledger.change((tx) => this.#announce(tx));
    // Token-services hold no lease: one that has looked for new keys just before this one was made looks again after that time.
    const [receipt] = await Promise.all([this.barrier.pass(position, 'takes'), sleep(KEYS_RELOAD_MS)]);
    if (receipt.pending) throw unconfirmed(receipt);
    const { result: previous } = await this.ledger.change((tx) => this.#promote(tx, kid, actor));
    return { kid, alg: this.config.tokenAlgorithm, previous_kid: previous, receipt };
  }

  /** @returns the key that is to sign, which others verify with from now on */
  async #announce(tx: AccessTransaction): Promise<string> {
    const begun = await this.keys.newerThanSigning(tx.manager, this.config.tokenAlgorithm);
    if (begun) return begun;
    const kid = await this.keys.make(tx.manager, this.config.tokenAlgorithm, 'verifying');
    tx.record([{ kind: 'key', id: kid, value: 'verifying' }]);
    return kid;
  }

  /** @returns the key that signed before */
  async #promote(tx: AccessTransaction, kid: string, actor: Actor): Promise<string> {
    const current = (await this.keys.signing(tx.manager))!;
    if (current.kid === kid) return kid;
    if ((await this.keys.stateOf(tx.manager, kid)) === 'retired') throw retiredMeanwhile(kid);
    await this.keys.setState(tx.manager, current.kid, 'verifying'); // first: one key signs at a time
    await this.keys.setState(tx.manager, kid, 'signing');
    tx.record([
      { kind: 'key', id: current.kid, value: 'verifying' },
      { kind: 'key', id: kid, value: 'signing' },
    ]);
    const before = { signing: current.kid };
    tx.audit(actor, [{ action: 'key.rotated', target: `key/${kid}`, before, after: { signing: kid } }]);
    return current.kid;
  }
}

function unconfirmed({ pending = [] }: ReceiptDto): Problem {
  const detail = `The new key signs nothing yet, since these gateways have not fetched it: ${pending.join(', ')}; ask again`;
  return new Problem(503, 'key_unconfirmed', detail, { headers: { 'Retry-After': '1' } });
}

function retiredMeanwhile(kid: string): Problem {
  return new Problem(409, 'key_retired', `The new key ${kid} was retired before it signed anything; rotate again`);
}
