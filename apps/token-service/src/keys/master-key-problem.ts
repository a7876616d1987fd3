import { Logger } from '@nestjs/common';
import { Problem } from '@portcullis/contracts';
import { WrongMasterKeyError } from './master-keys.js';

const logger = new Logger('MasterKeys');

/** For the problem filter: a token-service that lacks a master key can't do it, and another one may. Which key, only the log says. */
export function masterKeyProblem(error: unknown): Problem | undefined {
  if (!(error instanceof WrongMasterKeyError)) return undefined;
  logger.error(error.message);
  return new Problem(
    503,
    'master_key_missing',
    'This token-service lacks a master key that this needs; its log says which',
    {
      headers: { 'Retry-After': '5' },
    },
  );
}
