import type { DescribedOperations } from './described-operation.js';
import { KEY_RETIRED_MEANWHILE, KEY_UNCONFIRMED, UNCONFIRMED } from './rare-problems.js';

/** What an operator looks at and sees to. */
export const UPKEEP = {
  access_confirmations: {
    summary: 'Which gateways go by a change of access',
    description: 'Each answer to a change names its number: in its receipt, or in the answer 202.',
    parameters: { seq: 1042 },
  },
  gateways_findAll: {
    summary: 'The gateways',
    description: 'Each with its lease, how far it has come in the access ledger, and its traffic.',
  },
  audit_findAll: {
    summary: 'What was done, by whom, when and from where',
    description:
      'The newest first. With `Accept: text/csv` or `application/x-ndjson` all that is found comes as a stream, and `page` and `size` are not ' +
      'looked at. `total` counts to 100,000.',
    parameters: { page: 1, size: 50, action: 'token.issued', target: 'token/456', actor: 'admin' },
  },
  keys_findAll: { summary: 'The keys that tokens are signed with', description: 'Of the keys themselves, nothing.' },
  keys_rotate: {
    summary: 'Signs new tokens with a new key',
    description: 'Once every gateway has it. Tokens of the one before live on.',
    problems: [KEY_RETIRED_MEANWHILE, KEY_UNCONFIRMED, UNCONFIRMED],
  },
  keys_retire: {
    summary: 'Ends a key and every token that it has signed',
    description: 'Everywhere, before this answers.',
    parameters: { kid: '1b7e0c55d2a94f60' },
    requests: {
      dryRun: { summary: 'Says how many tokens would end', value: { dry_run: true } },
      retire: { summary: 'Ends it', value: {} },
    },
    problems: [UNCONFIRMED],
  },
  jwks_jwks: {
    summary: 'The public keys that tokens are signed with',
    description: 'A JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037). Symmetric keys (HS256) are not among them.',
  },
  liveupdates_stream: {
    summary: 'What changes, as it happens',
    description:
      'Server-sent events: `ready` (read again what you show), `change` (a LiveUpdateDto: which row to read again), `end` (the session or ' +
      'token has ended). Nothing is replayed. Everyone hears of their own, an Admin of everything.',
  },
} satisfies DescribedOperations;
