import type { Filter } from '../filter/filter.js';
import type { Json } from '../protocol/json.js';
import type { AttributePath } from '../schema/attribute-path.js';

/** One change to one attribute, its provider's spelling already put right. */
export interface PatchOperation {
  readonly op: 'add' | 'remove' | 'replace';
  readonly path: AttributePath;
  /** Which values of a multi-valued attribute it is about; undefined: all. */
  readonly filter: Filter | undefined;
  /** As it was sent; undefined: none was. */
  readonly value: Json | undefined;
}
