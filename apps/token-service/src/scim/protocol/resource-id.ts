import { USER_ID_MAX } from '@portcullis/contracts';

/** Reads an id as SCIM writes it, as text. @returns undefined for what can't be an id of ours */
export function readResourceId(text: unknown): number | undefined {
  const id = typeof text === 'string' && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
  return id !== undefined && id <= USER_ID_MAX ? id : undefined;
}
