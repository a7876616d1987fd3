import type { BulkRevokeDto, CreateTokenDto, UpdateTokenDto } from '@portcullis/contracts';
import type { DescribedOperations } from './described-operation.js';
import { UNCONFIRMED } from './rare-problems.js';

const body = <Dto extends CreateTokenDto | UpdateTokenDto | BulkRevokeDto>(summary: string, value: Dto): { summary: string; value: Dto } => ({ summary, value }); // prettier-ignore

export const TOKENS = {
  tokens_create: {
    summary: 'Makes a token',
    description:
      '`bearer_token` is in this answer and never again. Everyone makes tokens for themselves, when they are signed in; an Admin makes ' +
      'them for service users too, and SCIM administration tokens.',
    requests: {
      service: body<CreateTokenDto>('For a service user', {
        name: 'api-production',
        user_id: 123,
        expires_in_days: 365,
      }),
      scim: body<CreateTokenDto>('For an identity provider: it opens SCIM and nothing else', { name: 'entra-id', user_id: 123, expires_in_days: null, scim: true }), // prettier-ignore
      personal: body<CreateTokenDto>('For oneself', { name: 'laptop', expires_in_days: 90 }),
    },
  },
  tokens_revokeMany: {
    summary: 'Revokes all active tokens that a filter finds',
    description: 'What is given must all be true of a token. There is one receipt for all of them.',
    requests: {
      dryRun: body<BulkRevokeDto>('Shows what it would revoke', { user_id: 123, dry_run: true }),
      revoke: body<BulkRevokeDto>('All tokens of a user', { user_id: 123 }),
    },
    problems: [UNCONFIRMED],
  },
  tokens_findOwn: {
    summary: 'One’s own tokens',
    parameters: { page: 1, size: 50, status: 'Active', q: 'laptop', sort: '-id' },
  },
  tokens_findService: {
    summary: 'All service tokens',
    parameters: { page: 1, size: 50, status: 'Active', q: 'api', sort: 'name' },
  },
  tokens_findAll: {
    summary: 'Everyone’s tokens',
    parameters: {
      page: 1,
      size: 50,
      status: 'Active',
      q: 'api',
      sort: '-last_used',
      user_id: 123,
      type: 'Service',
      scim: false,
    },
  },
  tokens_get: { summary: 'A token', description: 'One’s own; for an Admin, anyone’s.', parameters: { id: 456 } },
  tokens_usageOf: {
    summary: 'How often a token was used, and from where it was used last',
    description: 'By the hour, for 90 days back. A use shows within two seconds.',
    parameters: { id: 456, hours: 1 },
  },
  tokens_update: {
    summary: 'Revokes or restores a token',
    description:
      'The answer comes when the gateways named in its receipt go by the change: from then on none of them admits a token that was revoked. ' +
      'What an Admin has revoked, only an Admin restores.',
    parameters: { id: 456 },
    requests: {
      revoke: body<UpdateTokenDto>('Revokes it', { revoke: true }),
      cascade: body<UpdateTokenDto>('Revokes it, and the tokens that were made with it', {
        revoke: true,
        cascade: true,
      }),
      restore: body<UpdateTokenDto>('Restores it', { revoke: false }),
    },
    problems: [UNCONFIRMED],
  },
  tokens_delete: {
    summary: 'Deletes a revoked or expired token',
    description: 'Its name is free then.',
    parameters: { id: 456 },
    problems: [UNCONFIRMED],
  },
} satisfies DescribedOperations;
