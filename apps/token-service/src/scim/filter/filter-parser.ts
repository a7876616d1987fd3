import { type Filter as ParsedFilter, parse } from 'scim2-parse-filter';
import { badRequest } from '../protocol/scim-problem.js';
import { type Attribute, findAttribute } from '../schema/attribute.js';
import { type AttributePath, findPath } from '../schema/attribute-path.js';
import type { ResourceType } from '../schema/resource-type.js';
import type { Filter } from './filter.js';

const FILTER_LENGTH_MAX = 4_096;
const DEPTH_MAX = 16;
const COMPARISONS_MAX = 64;
/** Without the year 0 and offsets beyond 14 hours, which XML Schema has not and Postgres neither. */
const DATE_TIME = /^((?!0000)\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/;
const STRING = /"(?:[^"\\]|\\.)*"/gs;
/** Stands between a value path and the sub-attribute after it. No attribute has such a name, and a filter that holds it is refused. */
const OF_VALUE = 'of%value';

/** Finds what a name in a filter means; undefined: no such attribute. */
type FindPath = (name: string) => AttributePath | undefined;

/**
 * Parses a filter and looks its attributes up.
 *
 * @param onUnknown what an attribute means that this type doesn't have: an error, or in a search of all types "no value"
 * @throws Problem 400 `invalidFilter`
 */
export function parseFilter(text: string, type: ResourceType, onUnknown: 'refuse' | 'never' = 'refuse'): Filter {
  return new FilterReader(text, (name) => findPath(type, name), onUnknown).read();
}

/** Parses the filter inside the brackets of a value path: its names are those of the attribute's sub-attributes. */
export function parseValueFilter(text: string, path: AttributePath): Filter {
  return new FilterReader(text, (name) => valuePath(path, name), 'refuse').read();
}

function valuePath(path: AttributePath, name: string): AttributePath | undefined {
  const subAttribute = findAttribute(path.attribute.subAttributes ?? [], name);
  return subAttribute && { ...path, subAttribute };
}

/**
 * Strings are taken out before the library sees the filter, and put back afterwards: its tokenizer takes exponential time for
 * an open string with line breaks, and reads escapes other than `\"` wrongly.
 */
class FilterReader {
  readonly #strings: string[] = [];
  #comparisons = 0;

  constructor(
    private readonly text: string,
    private readonly findPath: FindPath,
    private readonly onUnknown: 'refuse' | 'never',
  ) {}

  read(): Filter {
    if (this.text.length > FILTER_LENGTH_MAX) throw invalid(`it is longer than ${FILTER_LENGTH_MAX} characters`);
    const outline = this.text.replace(STRING, (literal) => `"${this.#strings.push(parseString(literal)) - 1}"`);
    const names = outline.replace(STRING, '');
    if (/["%]/.test(names)) throw invalid('a string is not closed, or a name holds %');
    assertShallow(names);
    return this.#resolve(parseOutline(outline.replace(/\]\s*\.(?=\w)/g, `] and ${OF_VALUE}.`)), this.findPath, false);
  }

  #resolve(parsed: ParsedFilter, findPath: FindPath, inValue: boolean): Filter {
    switch (parsed.op) {
      case 'and':
      case 'or':
        return this.#resolveAll(parsed.op, parsed.filters, findPath, inValue);
      case 'not':
        return { op: 'not', filter: this.#resolve(parsed.filter, findPath, inValue) };
      case '[]':
        if (inValue) throw invalid('a value path holds no other');
        return this.#resolveValues(parsed.attrPath, parsed.valFilter, findPath);
      default:
        return this.#resolveComparison(parsed, findPath);
    }
  }

  /** `emails[type eq "work"].value eq "x"` was made `emails[type eq "work"] and of%value.value eq "x"`: of the same value. */
  #resolveAll(op: 'and' | 'or', parsed: readonly ParsedFilter[], findPath: FindPath, inValue: boolean): Filter {
    const filters: Filter[] = [];
    for (const each of parsed) {
      const sub = 'attrPath' in each && each.attrPath.startsWith(`${OF_VALUE}.`) ? each : undefined;
      if (!sub) {
        filters.push(this.#resolve(each, findPath, inValue));
        continue;
      }
      const values = filters.pop();
      if (op !== 'and' || values?.op !== '[]') throw invalid('a name begins with a dot');
      const name = sub.attrPath.slice(OF_VALUE.length + 1);
      const inner = this.#resolve({ ...sub, attrPath: name } as ParsedFilter, (n) => valuePath(values.path, n), true);
      filters.push({ ...values, filter: { op: 'and', filters: [values.filter, inner] } });
    }
    return { op, filters };
  }

  #resolveValues(name: string, parsed: ParsedFilter, findPath: FindPath): Filter {
    const path = findPath(name);
    if (!path) return this.#unknown(name);
    if (!path.attribute.multiValued || path.subAttribute || !path.attribute.subAttributes) {
      throw invalid(`${name} has no values to choose from`);
    }
    return { op: '[]', path, filter: this.#resolve(parsed, (inner) => valuePath(path, inner), true) };
  }

  #resolveComparison(parsed: Exclude<ParsedFilter, { op: 'and' | 'or' | 'not' | '[]' }>, findPath: FindPath): Filter {
    if (++this.#comparisons > COMPARISONS_MAX) throw invalid(`it has more than ${COMPARISONS_MAX} comparisons`);
    const found = findPath(parsed.attrPath);
    if (!found) return this.#unknown(parsed.attrPath);
    if (parsed.op === 'pr') return { op: 'pr', path: found };
    const value = typeof parsed.compValue === 'string' ? this.#strings[Number(parsed.compValue)]! : parsed.compValue;
    if (value === null) return absence(parsed.op, found);
    const path = comparable(found);
    return { op: parsed.op, path, value: comparedValue(path, parsed.op, value) };
  }

  #unknown(name: string): Filter {
    if (this.onUnknown === 'never') return { op: 'never' };
    throw invalid(`there is no attribute ${name}`);
  }
}

function parseOutline(outline: string): ParsedFilter {
  try {
    return parse(outline);
  } catch {
    throw invalid('it does not follow the grammar');
  }
}

function parseString(literal: string): string {
  try {
    return JSON.parse(literal) as string;
  } catch {
    throw invalid('a string is no JSON string');
  }
}

/** The library's parser calls itself for each of these. */
function assertShallow(names: string): void {
  let depth = 0;
  if (/(^|[\s(])not(?!\s*\()/i.test(names)) throw invalid('not is followed by a filter in parentheses');
  for (const [token] of names.matchAll(/[()[\]]/g)) {
    depth += token === ')' || token === ']' ? -1 : 1;
    if (depth > DEPTH_MAX) throw invalid(`it is nested deeper than ${DEPTH_MAX} levels`);
    if (depth < 0) throw invalid('a bracket is closed that was not opened');
  }
}

/** RFC 7644 section 3.4.2.2: a multi-valued attribute is compared by the `value` of its values. */
function comparable(path: AttributePath): AttributePath {
  const compared = path.subAttribute ?? path.attribute;
  if (compared.type !== 'complex') return path;
  const subAttribute = findAttribute(compared.subAttributes ?? [], 'value');
  if (!subAttribute) throw invalid(`${compared.name} can't be compared, only its parts`);
  return { ...path, subAttribute };
}

function absence(op: string, path: AttributePath): Filter {
  if (op !== 'eq' && op !== 'ne') throw invalid(`${op} takes no null`);
  const present: Filter = { op: 'pr', path };
  return op === 'ne' ? present : { op: 'not', filter: present };
}

function comparedValue(path: AttributePath, op: string, value: string | number | boolean): string | boolean {
  const compared: Attribute = path.subAttribute ?? path.attribute;
  if (compared.type === 'boolean') return booleanValue(compared, op, value);
  if (typeof value !== 'string') throw invalid(`${compared.name} is compared with a string`);
  if (value.includes('\0') || !value.isWellFormed()) throw invalid('a string is no well-formed text');
  if (compared.type === 'dateTime' && (!['eq', 'ne', 'gt', 'ge', 'lt', 'le'].includes(op) || !isDateTime(value))) {
    throw invalid(`${compared.name} is compared with a time, by eq, ne, gt, ge, lt or le`);
  }
  return value;
}

function booleanValue({ name }: Attribute, op: string, value: string | number | boolean): boolean {
  const read = typeof value === 'string' ? ({ true: true, false: false } as const)[value.toLowerCase()] : value;
  if (typeof read !== 'boolean' || (op !== 'eq' && op !== 'ne')) {
    throw invalid(`${name} is compared with true or false, by eq or ne`);
  }
  return read;
}

/** RFC 7643 section 2.3.5: `xsd:dateTime`, of a day that there is: Postgres refuses what JavaScript takes for a later one. */
function isDateTime(text: string): boolean {
  const [, day] = DATE_TIME.exec(text) ?? [];
  return day !== undefined && !Number.isNaN(Date.parse(text)) && new Date(day).toISOString().startsWith(day);
}

function invalid(reason: string): Error {
  return badRequest('invalidFilter', `The filter is not valid: ${reason}`);
}
