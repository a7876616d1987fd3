import { BadRequestException } from '@nestjs/common';

export const DATASTORE_TYPES = ['postgres', 'mysql', 'snowflake', 'bigquery', 'kafka', 's3'] as const;

export interface NewDatastore {
  name: string;
  type: (typeof DATASTORE_TYPES)[number];
}

const NAME_LENGTH_MAX = 100;

/** Reads the body of a POST. Throws 400 that names every field that is wrong. */
export function parseNewDatastore(body: unknown): NewDatastore {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new BadRequestException(['the body must be a JSON object with name and type']);
  }
  const { name, type, ...unknown } = body as Record<string, unknown>;
  const problems = Object.keys(unknown).map((field) => `${field} is not a field of a datastore`);
  const trimmed = typeof name === 'string' ? name.trim() : '';
  if (trimmed === '' || trimmed.length > NAME_LENGTH_MAX) {
    problems.push(`name must be a text of 1 to ${NAME_LENGTH_MAX} characters`);
  }
  const known = DATASTORE_TYPES.find((each) => each === type);
  if (known === undefined) problems.push(`type must be one of ${DATASTORE_TYPES.join(', ')}`);
  if (problems.length > 0 || known === undefined) throw new BadRequestException(problems);
  return { name: trimmed, type: known };
}
