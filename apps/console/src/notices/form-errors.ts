import { ApiError, messageOf } from '../api/problem.ts';

/**
 * The API's errors by the field of the form that they belong to.
 *
 * @param names the form's name of a field, where it isn't the API's
 */
export function fieldErrors(error: unknown, names: Readonly<Record<string, string>> = {}): Record<string, string> {
  if (!(error instanceof ApiError)) return {};
  return Object.fromEntries(
    error.errors.map(({ field, message }) => {
      const [name = field] = field.split('.');
      return [names[name] ?? name, sentence(message, name)];
    }),
  );
}

/** What to say above a form: the whole error, unless each part of it stands at its field already. */
export function formMessage(error: unknown): string {
  if (error instanceof ApiError && error.errors.length > 0) return 'Some of it is not right yet: see below.';
  return messageOf(error);
}

/** The API writes "name must be …", "must be …" or "is taken"; at a field it is a sentence without the field's name. */
function sentence(message: string, field: string): string {
  const text = message.startsWith(`${field} `) ? message.slice(field.length + 1) : message;
  if (/^(is|makes) /.test(text)) return `It ${text}`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
