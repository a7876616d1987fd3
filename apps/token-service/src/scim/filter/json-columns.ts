import type { Attribute } from '../schema/attribute.js';
import type { SqlValue, SqlValues } from './filter-sql.js';

/** A part of a JSON object. The names are those of the schemas, never a client's. */
export function jsonValue(object: string, attribute: Attribute): SqlValue {
  const text = `(${object} ->> '${attribute.name}')`;
  if (attribute.type === 'boolean') return { sql: `${text}::boolean`, type: 'boolean' };
  return { sql: text, type: 'text', caseExact: attribute.caseExact };
}

/** The values of a JSON array of objects. */
export function jsonValues(array: string, attribute: Attribute): SqlValues {
  return {
    from: `jsonb_array_elements(${array}) AS element (value)`,
    value: (name) => {
      const subAttribute = attribute.subAttributes?.find((each) => each.name === name);
      return subAttribute && jsonValue('element.value', subAttribute);
    },
  };
}
