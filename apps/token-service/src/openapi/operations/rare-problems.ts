import { Problem } from '@portcullis/contracts';

const retryAfter = (seconds: number): { headers: Record<string, string> } => ({
  headers: { 'Retry-After': String(seconds) },
});

/** Any operation may answer this: Postgres or the token-service is away. */
export const UNAVAILABLE = new Problem(
  503,
  'unavailable',
  'The database does not answer at the moment; try again',
  retryAfter(1),
);

/** Of whatever changes access. */
export const UNCONFIRMED = new Problem(
  503,
  'revocation_unconfirmed',
  "The change is made, with the number 1042, but the database can't say now who has confirmed it; ask again",
  { ...retryAfter(1), members: { seq: 1042 } },
);

export const KEY_UNCONFIRMED = new Problem(
  503,
  'key_unconfirmed',
  'The new key signs nothing yet, since these gateways have not fetched it: gw-2; ask again',
  retryAfter(1),
);

export const BUSY = new Problem(
  503,
  'busy',
  'Too many passwords are being checked at the moment; try again',
  retryAfter(1),
);

export const TOO_MANY_ATTEMPTS = new Problem(
  429,
  'too_many_attempts',
  'Too many attempts to sign in; try again in 60 seconds',
  retryAfter(60),
);

/** By the gateway, wherever a token is taken. */
export const TOO_MANY_BAD_TOKENS = new Problem(
  429,
  'too_many_bad_tokens',
  'Too many bad tokens have come from this address; a good one is let in, a bad one is looked at again in 10 s',
  retryAfter(10),
);

export const PASSWORD_CHANGED = new Problem(409, 'password_changed', 'The password was changed meanwhile');

export const KEY_RETIRED_MEANWHILE = new Problem(
  409,
  'key_retired',
  'The new key 9f2c4e1ab07d3358 was retired before it signed anything; rotate again',
);
