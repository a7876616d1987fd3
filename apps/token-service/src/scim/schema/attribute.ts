export type AttributeType = 'string' | 'boolean' | 'dateTime' | 'reference' | 'binary' | 'complex';

/** The characteristics of an attribute (RFC 7643 section 7). They are what `/Schemas` shows, and what the code goes by. */
export interface Attribute {
  readonly name: string;
  readonly type: AttributeType;
  readonly multiValued: boolean;
  readonly description: string;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: 'readOnly' | 'readWrite' | 'immutable' | 'writeOnly';
  readonly returned: 'always' | 'never' | 'default' | 'request';
  readonly uniqueness: 'none' | 'server' | 'global';
  readonly canonicalValues?: readonly string[];
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly Attribute[];
}

export interface Schema {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

/** An attribute with the defaults of RFC 7643 section 2.2 but for what `given` says. */
export function attribute(name: string, description: string, given: Partial<Attribute> = {}): Attribute {
  return {
    name,
    type: 'string',
    multiValued: false,
    description,
    required: false,
    caseExact: false,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    ...given,
  };
}

export function complex(
  name: string,
  description: string,
  subAttributes: readonly Attribute[],
  given: Partial<Attribute> = {},
): Attribute {
  return attribute(name, description, { type: 'complex', subAttributes, ...given });
}

/** A list of values, each with a type, a label and perhaps the mark of being the one to take first (RFC 7643 section 2.4). */
export function plural(name: string, description: string, value: Partial<Attribute>, types?: string[]): Attribute {
  const subAttributes = [
    attribute('value', 'The value itself', value),
    attribute('display', 'The value as people read it'),
    attribute('type', 'What the value is for', types && { canonicalValues: types }),
    attribute('primary', 'Whether this is the one to take first', { type: 'boolean' }),
  ];
  return complex(name, description, subAttributes, { multiValued: true });
}

/** Attribute names are compared without case (RFC 7643 section 2.1). */
export function findAttribute(attributes: readonly Attribute[], name: string): Attribute | undefined {
  const wanted = name.toLowerCase();
  return attributes.find((attribute) => attribute.name.toLowerCase() === wanted);
}
