import type { CreatedTokenDto } from '../api/generated/types.gen.ts';
import { saveFile } from '../app/save-file.ts';

/** @returns such as `airflow-service-user-token.txt` for "Airflow Service User"; no character that a file system refuses */
export function tokenFileName(name: string): string {
  const stem = name
    .trim()
    .toLowerCase()
    .replace(/\s+/g, '-')
    .replace(/[^\p{L}\p{M}\p{N}._-]/gu, '-');
  return `${stem.replace(/^\.+/, '')}-token.txt`;
}

/** Saves the token as a text file, without asking the server for it again. */
export function downloadToken({ name, bearer_token }: CreatedTokenDto): void {
  saveFile(new Blob([`${bearer_token}\n`], { type: 'text/plain' }), tokenFileName(name));
}

/** A call that works with the token as it is: who it is, or the SCIM users where it opens nothing else. */
export function curlLine({ scim, bearer_token }: CreatedTokenDto, origin: string): string {
  return `curl -H "Authorization: Bearer ${bearer_token}" ${origin}${scim ? '/scim/v2/Users' : '/api/users/me'}`;
}
