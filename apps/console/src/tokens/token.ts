import type { TokenDto } from '../api/generated/types.gen.ts';

export type TokenStatus = TokenDto['status'];
export type TokenType = TokenDto['type'];

export const TOKEN_STATUSES: readonly TokenStatus[] = ['Active', 'Revoked', 'Expired'];
