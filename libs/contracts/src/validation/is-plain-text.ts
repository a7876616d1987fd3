import { Transform } from 'class-transformer';
import { applyDecorators } from '@nestjs/common';
import { Length, ValidateBy, type ValidationOptions } from 'class-validator';

// Control characters (NUL among them, which Postgres can't store), line separators and bidirectional overrides.
const FORBIDDEN = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u;

/** Whether `value` is well-formed Unicode without control characters: what may be stored, logged and put on a page. */
export function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !FORBIDDEN.test(value);
}

export function IsPlainText(options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'isPlainText',
      validator: {
        validate: isPlainText,
        defaultMessage: (args) => `${args?.property ?? 'value'} must be text without control characters`,
      },
    },
    options,
  );
}

/** A name that people see: surrounding white space is cut off, then `min` to `max` characters of plain text. */
export function IsDisplayName(min: number, max: number): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value)),
    Length(min, max),
    IsPlainText(),
  );
}
