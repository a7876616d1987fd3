import type { AttributePath } from '../schema/attribute-path.js';

export const COMPARISONS = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** A filter whose attributes are known and whose values fit them (RFC 7644 section 3.4.2.2). */
export type Filter =
  | { op: 'and' | 'or'; filters: readonly Filter[] }
  | { op: 'not'; filter: Filter }
  /** `eq null` is `not (… pr)`. */
  | { op: 'pr'; path: AttributePath }
  | { op: Comparison; path: AttributePath; value: string | boolean }
  /** `emails[type eq "work"]`: one value for which all of it holds. The paths inside name sub-attributes. */
  | { op: '[]'; path: AttributePath; filter: Filter }
  /** About an attribute that this type of resource doesn't have. */
  | { op: 'never' };
