/** What someone may do, from least to most. A role includes everything that the roles before it may do. */
export const ROLES = ['Member', 'Editor', 'Manager', 'Admin'] as const;
export type Role = (typeof ROLES)[number];

/** Whether `role` is at least `required`. */
export function roleIncludes(role: Role, required: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(required);
}

export const USER_TYPES = ['User', 'Service'] as const;
export type UserType = (typeof USER_TYPES)[number];

export const TOKEN_TYPES = ['Personal', 'Service'] as const;
export type TokenType = (typeof TOKEN_TYPES)[number];

export const TOKEN_STATUSES = ['Active', 'Revoked', 'Expired'] as const;
export type TokenStatus = (typeof TOKEN_STATUSES)[number];

/** The team that everyone belongs to. It always exists, and membership in it is not stored. */
export const PUBLIC_TEAM = 'Public';
