import { invalidField } from '@portcullis/contracts';

const SERVICE_SUFFIX = '@service';

/**
 * What a service user is called: the name in lower case, spaces to `_`, anything but `a–z 0–9 _` removed, then `@service`.
 * @throws Problem 400 when nothing is left of the name
 */
export function serviceUserId(name: string): string {
  const id = name
    .toLowerCase()
    .replaceAll(' ', '_')
    .replace(/[^a-z0-9_]/g, '');
  if (id === '') throw invalidField('name', 'must hold a letter a-z or a digit, for the user_id');
  return id + SERVICE_SUFFIX;
}

/**
 * What a person is called: their user name in lower case.
 * @throws Problem 400 for a name that looks like a service user's
 */
export function personUserId(userName: string): string {
  const id = userName.toLowerCase();
  if (id.endsWith(SERVICE_SUFFIX)) throw invalidField('user_name', `must not end in ${SERVICE_SUFFIX}`);
  return id;
}
