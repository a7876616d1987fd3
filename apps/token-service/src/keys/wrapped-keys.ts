/** A table that holds wrapped keys. Each value is bound to its row by {@link label}, which no other row's has. */
export interface WrappedKeyTable {
  table: 'secrets' | 'signing_keys' | 'gateway_leases';
  /** The primary key. */
  id: string;
  column: string;
  label: (id: string) => string;
}

export const SECRETS: WrappedKeyTable = {
  table: 'secrets',
  id: 'name',
  column: 'wrapped',
  label: (name) => `secret:${name}`,
};
export const SIGNING_KEYS: WrappedKeyTable = {
  table: 'signing_keys',
  id: 'kid',
  column: 'wrapped_private_key',
  label: (kid) => `signing-key:${kid}`,
};
export const LEASE_KEYS: WrappedKeyTable = {
  table: 'gateway_leases',
  id: 'lease_id',
  column: 'wrapped_lease_key',
  label: (leaseId) => `lease:${leaseId}`,
};

/** Everything that the master key wraps. */
export const WRAPPED_KEY_TABLES: readonly WrappedKeyTable[] = [SECRETS, SIGNING_KEYS, LEASE_KEYS];
