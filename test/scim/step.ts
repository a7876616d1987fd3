/** One request of an identity provider, and what it goes by in the answer. `{name}` stands for an id that an earlier step saved. */
export interface Step {
  what: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base URL. A filter is written plainly, and percent-encoded when it is sent. */
  path: string;
  body?: object;
  status: number;
  /** What the answer holds; undefined: nothing that is looked at. */
  shows?: object;
  /** The name that the answer's `id` gets. */
  saves?: string;
}

/** What an identity provider sends, in its order, as its documentation shows. */
export interface Provider {
  name: string;
  /** The pages that show the requests. */
  documentation: readonly string[];
  /** As the provider sends them. */
  headers: Record<string, string>;
  steps: readonly Step[];
}

export const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

export function patch(...Operations: object[]): object {
  return { schemas: [PATCH_OP], Operations };
}
