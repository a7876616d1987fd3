import { Problem } from './problem.js';

/** What a health check found, by the name of what was looked at; the form of `@nestjs/terminus`. */
export type HealthDetails = Readonly<Record<string, { readonly status: string; readonly message?: string }>>;

/** 503 with what stands in the way as `errors`, and all that was looked at as `details`. */
export function notReady(details: HealthDetails): Problem {
  const errors = Object.entries(details)
    .filter(([, { status }]) => status === 'down')
    .map(([field, { message }]) => ({ field, message: message ?? 'is down' }));
  const detail = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  return new Problem(503, 'not_ready', detail, { errors, headers: { 'Retry-After': '1' }, members: { details } });
}
