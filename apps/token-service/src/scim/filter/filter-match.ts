import { isObject, type Json } from '../protocol/json.js';
import type { Attribute } from '../schema/attribute.js';
import type { Comparison, Filter } from './filter.js';

/** Whether a filter on the sub-attributes of a value, as in `emails[type eq "work"]`, holds for this value. */
export function matchesValue(filter: Filter, value: Json): boolean {
  switch (filter.op) {
    case 'and':
      return filter.filters.every((each) => matchesValue(each, value));
    case 'or':
      return filter.filters.some((each) => matchesValue(each, value));
    case 'not':
      return !matchesValue(filter.filter, value);
    case '[]':
    case 'never':
      return false;
    case 'pr':
      return subValue(filter.path.subAttribute!, value) !== undefined;
    default:
      return compares(filter.op, filter.path.subAttribute!, subValue(filter.path.subAttribute!, value), filter.value);
  }
}

function subValue({ name }: Attribute, value: Json): Json | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function compares(op: Comparison, attribute: Attribute, held: Json | undefined, wanted: string | boolean): boolean {
  if (held === undefined) return op === 'ne';
  if (typeof held !== 'string' || typeof wanted !== 'string') return (held === wanted) === (op === 'eq');
  const [a, b] = attribute.caseExact ? [held, wanted] : [held.toLowerCase(), wanted.toLowerCase()];
  switch (op) {
    case 'eq':
      return a === b;
    case 'ne':
      return a !== b;
    case 'co':
      return a.includes(b);
    case 'sw':
      return a.startsWith(b);
    case 'ew':
      return a.endsWith(b);
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
  }
}
