import { ValidationPipe, type ValidationError } from '@nestjs/common';
import { type FieldError, Problem } from '../problems/problem.js';

/** Nest's validation pipe, refusing unknown fields, and answering with a problem that names every field that is wrong. */
export function problemValidationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    stopAtFirstError: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors) => {
      const fields = errors.flatMap((error) => fieldErrors(error, ''));
      const detail = fields.map(({ field, message }) => `${field}: ${message}`).join('; ');
      return new Problem(400, 'invalid_request', detail, { errors: fields });
    },
  });
}

function fieldErrors(error: ValidationError, parent: string): FieldError[] {
  const field = parent ? `${parent}.${error.property}` : error.property;
  const own = Object.values(error.constraints ?? {}).map((message) => ({
    field,
    message: withoutName(message, error),
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, field))];
}

/** "property foo should not exist" and "name must be…" say the field again; the problem names it already. */
function withoutName(message: string, { property, constraints }: ValidationError): string {
  if (constraints?.['whitelistValidation']) return 'is not a known field';
  return message.startsWith(`${property} `) ? message.slice(property.length + 1) : message;
}
