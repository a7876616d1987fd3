import * as fc from 'fast-check';
import { SNAPSHOT_LINE_BYTES_MAX } from '@portcullis/contracts';
import { describe, expect, it } from 'vitest';
import { readSnapshot } from './snapshot-reader.js';
import { contentOf, key, ModelLedger, principal, token, voidTokens } from './testing/model-ledger.js';

function ledger(): ModelLedger {
  const ledger = new ModelLedger();
  ledger.commit(
    token(1, 'revoked'),
    token(2, 'deleted'),
    token(3, 'active'),
    principal(7),
    key('key-1', 'signing'),
    voidTokens(5, 6),
  );
  return ledger;
}

const IDS = [1, 2, 3, 4, 5, 6, 7];

async function* chunked(text: string, sizeBytes = 16): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes);
}

const lines = (): string[] => ledger().snapshotLines();

describe('readSnapshot', () => {
  it('gives the view at its number, however the bytes are cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 400 }), async (sizeBytes) => {
        const view = await readSnapshot(chunked(lines().join(''), sizeBytes));
        expect(view.epoch).toBe('epoch-1');
        expect(view.appliedSeq).toBe(6);
        expect(contentOf(view, IDS, ['key-1'])).toEqual(contentOf(ledger().replayedTo(6), IDS, ['key-1']));
      }),
      { numRuns: 50 },
    );
  });

  it('refuses a snapshot that was cut off at any byte', async () => {
    const whole = lines().join('');
    for (let length = 0; length < whole.length; length += 1) {
      await expect(readSnapshot(chunked(whole.slice(0, length), 4096))).rejects.toThrow(/cut off|is not/);
    }
  });

  it('refuses a snapshot whose count differs', async () => {
    const [header, firstPage, ...rest] = lines();
    await expect(readSnapshot(chunked([header, ...rest].join('')))).rejects.toThrow('holds 5 entries and says 6');
    await expect(readSnapshot(chunked([header, firstPage, firstPage, ...rest].join('')))).rejects.toThrow('says 6');
  });

  it('refuses anything after the end, and what is not a fact', async () => {
    await expect(readSnapshot(chunked([...lines(), lines()[1]].join('')))).rejects.toThrow('after its end');
    const wrong = [
      '{"kind":"token","state":"revoked","ids":["1"]}',
      '{"kind":"token","state":"revoked","ids":[1.5]}',
      '{"kind":"token","state":"revoked","ids":[0]}',
      '{"kind":"token","state":"revoked"}',
      '{"kind":"token","state":"maybe","ids":[1]}',
      '{"kind":"token","entries":[["1","revoked"]]}',
      '{"kind":"principal","entries":[["x",null]]}',
      '{"kind":"user","entries":[["1",null]]}',
      '{"kind":"void_tokens","entries":[["5","deleted"]]}',
      '{"kind":"void_tokens","entries":[["6-5","deleted"]]}',
      '{"kind":"void_tokens","entries":[["5-9999999999999999","deleted"]]}',
      '{"kind":"void_tokens","entries":[["5-6-7","deleted"]]}',
      '{"kind":"void_tokens","entries":[["5-6","active"]]}',
      '[]',
      'x',
    ];
    for (const line of wrong) {
      await expect(readSnapshot(chunked(`${lines()[0]}${line}\n`))).rejects.toThrow(/not|unknown|has no ids/);
    }
  });

  it('refuses a line without end before it fills the memory', async () => {
    const endless = (async function* () {
      for (let mebibytes = 0; mebibytes < 64; mebibytes += 1) yield Buffer.alloc(1024 * 1024, 0x20);
      throw new Error(`read far more than ${SNAPSHOT_LINE_BYTES_MAX} bytes`);
    })();
    await expect(readSnapshot(endless)).rejects.toThrow('too long');
  });

  it('shares equal team lists between principals', async () => {
    const many = new ModelLedger();
    many.commit(principal(1), principal(2));
    const view = await readSnapshot(chunked(many.snapshotLines().join('')));
    expect(view.principal(1)?.teams).toBe(view.principal(2)?.teams);
  });
});
