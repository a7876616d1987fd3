import { type ArgumentMetadata, Injectable, ValidationPipe, type ValidationError } from '@nestjs/common';
import { type FieldError, Problem } from '../problems/problem.js';

/** Nest's validation pipe, refusing unknown fields, and answering with a problem that names every field that is wrong. */
@Injectable()
class ProblemValidationPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      stopAtFirstError: true,
      validationError: { target: false },
      exceptionFactory: (errors) => invalid(errors.flatMap((error) => fieldErrors(error, ''))),
    });
  }

  override transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    // A path parameter has a pipe of its own, which must see the text: Nest would make a number of `1.0`.
    if (metadata.type === 'param') return Promise.resolve(value);
    if (metadata.type === 'body') checkBody(value);
    return super.transform(value, metadata);
  }
}

export function problemValidationPipe(): ValidationPipe {
  return new ProblemValidationPipe();
}

function checkBody(body: unknown): void {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Problem(400, 'invalid_request', 'The body must be a JSON object', {
      errors: [{ field: 'body', message: 'must be a JSON object' }],
    });
  }
  // The whitelist doesn't see names that every object inherits, and Nest drops `prototype` before it.
  const inherited = Object.keys(body).filter((name) => name in Object.prototype || name === 'prototype');
  if (inherited.length > 0) throw invalid(inherited.map((field) => ({ field, message: UNKNOWN })));
}

const UNKNOWN = 'is not a known field';

function invalid(errors: FieldError[]): Problem {
  const detail = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return new Problem(400, 'invalid_request', detail, { errors });
}

function fieldErrors(error: ValidationError, parent: string): FieldError[] {
  const field = parent ? `${parent}.${error.property}` : error.property;
  const own = Object.values(error.constraints ?? {}).map((message) => ({ field, message: worded(message, error) }));
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, field))];
}

/** "property foo should not exist" and "name must be…" say the field again; the problem names it already. */
function worded(message: string, { property, constraints, value }: ValidationError): string {
  if (constraints?.['whitelistValidation']) return UNKNOWN;
  if (value === undefined) return 'is required';
  return message.startsWith(`${property} `) ? message.slice(property.length + 1) : message;
}
