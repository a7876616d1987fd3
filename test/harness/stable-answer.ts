/** What the documents' examples say for that which differs from run to run. */
const BASE = Date.parse('2026-11-21T12:34:56Z');
const HOUR_MS = 3_600_000;
const BEARER_TOKEN =
  'eyJhbGciOiJFZERTQSIsImtpZCI6IjliN2UwYzU1ZDJhOTRmNjAiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiIxMjMifQ.c2lnbmF0dXJlLng5UWE';
const RANDOM = 'SplxlOBeZQQYbYS6WxSbIAlwF3cYxXWqXtvDRNuTEuo';
const TAG = 'W/"0hBq7Zk2mVtXn4cRj8sLwA"';
const KIDS = ['1b7e0c55d2a94f60', '9f2c4e1ab07d3358'];
const REQUEST_ID = '6f1c2f0e-8a57-4d0c-9f39-2b7d1c5f0e11';
const ORIGIN = 'https://portcullis.example.com';
const ADDRESS = '203.0.113.9';
const TIME = /\b(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z/g;
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** Members whose values say how fast or busy this machine is, or are secret. */
const BY_NAME: Readonly<Record<string, unknown>> = {
  bearer_token: BEARER_TOKEN,
  hint: BEARER_TOKEN.slice(-4),
  seq: 1042,
  applied_seq: 1042,
  elapsed_ms: 4.5,
  lease_remaining_ms: 2_800,
  requests_per_second: 12.5,
  refused_per_second: 0,
  x: RANDOM,
  hour: '2026-11-21T12:00:00Z',
};

/** Makes the answers of different runs alike: times, secrets, measurements, addresses. */
export class StableAnswers {
  readonly #startedAt = Date.now();
  readonly #origin: string;
  readonly #kids: string[] = [];

  /** @param origin where the answers come from */
  constructor(origin: string) {
    this.#origin = origin;
  }

  /** The same for every run of the same story. */
  stable(value: unknown, name = ''): unknown {
    if (typeof value === 'string') return name in BY_NAME ? (BY_NAME[name] as string) : this.#text(value);
    if (typeof value === 'number') return name in BY_NAME ? BY_NAME[name] : value;
    if (Array.isArray(value)) return value.map((each) => this.stable(each));
    if (typeof value !== 'object' || value === null) return value;
    return this.#object(value as Record<string, unknown>);
  }

  #object(value: Record<string, unknown>): object {
    const entries = Object.entries(value).map(([name, each]) => [name, this.stable(each, name)]);
    const stable = Object.fromEntries(entries) as Record<string, unknown>;
    // How many gateways have confirmed by now, and whether one is behind, is a matter of milliseconds.
    if ('confirmed' in stable) return 'expired' in stable ? RECEIPT : CONFIRMATION;
    if ('lease_ms' in stable) stable['state'] = 'ok';
    if ('actor_credential' in stable) stable['id'] = 8210;
    return stable;
  }

  #text(text: string): string {
    const origins = text.replaceAll(this.#origin, ORIGIN).replace(/^127\.0\.0\.1$|(?<=,)127\.0\.0\.1(?=,)/gm, ADDRESS);
    return origins
      .replace(TIME, (_, seconds: string, fraction?: string) => this.#time(seconds, fraction))
      .replace(/W\/"[\w-]{22}"/g, TAG)
      .replace(/(?<=[?&]code=)[\w-]{43}/g, RANDOM)
      .replace(UUID, REQUEST_ID)
      .replace(/\b(?!9007199254740991)[0-9a-f]{16}\b/g, (kid) => this.#kid(kid))
      .replace(/^\d+(?=,\d{4}-)/gm, '8210')
      .replace(/(?<="id":)\d+(?=,"at")/g, '8210')
      .replace(/(?<="address":")127\.0\.0\.1/g, ADDRESS);
  }

  /** The same distance, in hours, from the time of the examples as it was from the start of the run. */
  #time(seconds: string, fraction = ''): string {
    const hours = Math.round((Date.parse(`${seconds}Z`) - this.#startedAt) / HOUR_MS);
    const shifted = new Date(BASE + hours * HOUR_MS).toISOString().slice(0, 19);
    return `${shifted}${fraction === '' ? '' : '.123456'.slice(0, fraction.length)}Z`;
  }

  #kid(kid: string): string {
    if (KIDS.includes(kid) || kid === '0'.repeat(16)) return kid;
    if (!this.#kids.includes(kid)) this.#kids.push(kid);
    return KIDS[this.#kids.indexOf(kid)] ?? kid;
  }
}

const RECEIPT = { seq: 1042, confirmed: ['gw-1'], expired: [], elapsed_ms: 4.5 };
const CONFIRMATION = { seq: 1042, confirmed: ['gw-1'], pending: [] };
