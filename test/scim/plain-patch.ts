import type { Json } from '../harness/http-client.ts';

export interface PlainOperation {
  op: string;
  path?: string;
  value?: Json;
}

/**
 * RFC 7644 section 3.5.2 on plain JSON, as directly as it can be written: no schema, no types, for the few attributes that the
 * test uses. It shares no code with what it is held against.
 *
 * @returns the changed resource, or `noTarget`
 */
export function patchedPlainly(resource: Json, operations: readonly PlainOperation[]): Json {
  const changed = structuredClone(resource);
  for (const operation of operations) {
    const flat = 'path' in operation ? [operation] : Object.entries(operation.value).map(([path, value]) => ({ ...operation, path, value })); // prettier-ignore
    for (const each of flat) if (!applied(changed, each.op.toLowerCase(), each.path!, each.value)) return 'noTarget';
  }
  return changed;
}

const LISTS = ['emails', 'members'];

function applied(resource: Json, op: string, path: string, value: Json): boolean {
  const chosen = /^(\w+)\[(not \()?(\w+) eq "(\w+)"\)?\](?:\.(\w+))?$/.exec(path);
  if (chosen) return appliedToChosen(resource, op, chosen, value);
  if (LISTS.includes(path)) appliedToList(resource, op, path, value);
  else appliedToOne(resource, op, path, value);
  return true;
}

function appliedToChosen(resource: Json, op: string, chosen: RegExpExecArray, value: Json): boolean {
  const [, list = '', not, key = '', wanted, sub] = chosen;
  const held = (resource[list] ?? []) as Json[];
  const isChosen = (each: Json): boolean => (each[key] === wanted) === (not === undefined);
  if (op === 'remove')
    put(
      resource,
      list,
      held.filter((each) => !isChosen(each)),
    );
  else if (!held.some(isChosen)) return false;
  else put(resource, list, unique(held.map((each) => (isChosen(each) ? { ...each, [sub!]: value } : each))));
  return true;
}

function appliedToList(resource: Json, op: string, list: string, value: Json): void {
  const held = (resource[list] ?? []) as Json[];
  if (op === 'add') put(resource, list, unique([...held, ...value.filter((each: Json) => !has(held, each))]));
  else if (op === 'replace') put(resource, list, unique(value));
  else
    put(
      resource,
      list,
      value === undefined ? [] : held.filter((each) => !value.some((one: Json) => one.value === each.value)),
    );
}

function has(values: readonly Json[], one: Json): boolean {
  return values.some((each) => JSON.stringify(sorted(each)) === JSON.stringify(sorted(one)));
}

function unique(values: readonly Json[]): Json[] {
  return values.filter((each, i) => !has(values.slice(0, i), each));
}

function appliedToOne(resource: Json, op: string, path: string, value: Json): void {
  const colon = path.lastIndexOf(':');
  if (colon > 0) {
    const urn = path.slice(0, colon);
    const extension = { ...resource[urn] };
    appliedToOne(extension, op, path.slice(colon + 1), value);
    put(resource, urn, extension);
    return;
  }
  const [name = '', sub] = path.split('.');
  if (sub !== undefined) put(resource, name, without({ ...resource[name], [sub]: op === 'remove' ? '' : value }));
  else if (op === 'remove') delete resource[name];
  else put(resource, name, typeof value === 'string' ? value : without({ ...resource[name], ...value }));
}

/** Nothing is the same as an empty text, list or object (RFC 7643 section 2.5). */
function put(resource: Json, name: string, value: Json): void {
  const isEmpty = value === '' || (typeof value === 'object' && Object.keys(value).length === 0);
  if (isEmpty) delete resource[name];
  else resource[name] = value;
}

function without(object: Json): Json {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== ''));
}

function sorted(object: Json): Json {
  return Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
