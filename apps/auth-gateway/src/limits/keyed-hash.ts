/** Of the message: three words. It is the last word's first byte. */
const LENGTH = 12 << 24;

/**
 * HalfSipHash-2-4 with 64 bits of output (Aumasson and Bernstein, https://github.com/veorq/SipHash), of three 32-bit words: where an
 * entry of a table goes, so that nobody can choose what falls together without the key. Allocates nothing; no MAC for anything else.
 */
export class KeyedHash {
  /** The 64 bits of the latest digest. */
  first = 0;
  second = 0;
  readonly #v = new Int32Array(4);
  readonly #k0: number;
  readonly #k1: number;

  /** @param key 8 bytes */
  constructor(key: Buffer) {
    this.#k0 = key.readInt32LE(0);
    this.#k1 = key.readInt32LE(4);
  }

  /** Puts the digest of three words into `first` and `second`. */
  digest(a: number, b: number, c: number): void {
    const v = this.#v;
    v[0] = this.#k0;
    v[1] = this.#k1 ^ 0xee;
    v[2] = this.#k0 ^ 0x6c796765;
    v[3] = this.#k1 ^ 0x74656462;
    absorb(v, a);
    absorb(v, b);
    absorb(v, c);
    absorb(v, LENGTH);
    v[2]! ^= 0xee;
    rounds(v, 4);
    this.first = v[1]! ^ v[3]!;
    v[1]! ^= 0xdd;
    rounds(v, 4);
    this.second = v[1]! ^ v[3]!;
  }
}

function absorb(v: Int32Array, word: number): void {
  v[3]! ^= word;
  rounds(v, 2);
  v[0]! ^= word;
}

function rounds(v: Int32Array, count: number): void {
  let v0 = v[0]!;
  let v1 = v[1]!;
  let v2 = v[2]!;
  let v3 = v[3]!;
  for (let round = 0; round < count; round += 1) {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  }
  v[0] = v0;
  v[1] = v1;
  v[2] = v2;
  v[3] = v3;
}
