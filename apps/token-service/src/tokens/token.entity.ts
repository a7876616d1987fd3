import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { TokenType } from '@portcullis/contracts';
import { User } from '../users/user.entity.js';

@Entity('tokens')
export class Token {
  /** Taken from the sequence before the token is signed, since it is part of what is signed. */
  @PrimaryColumn('bigint')
  id: number;

  @Column('integer', { name: 'user_id' })
  ownerId: number;

  @ManyToOne(() => User)
  @JoinColumn({ name: 'user_id' })
  user: User;

  @Column('text')
  name: string;

  @Column('text')
  type: TokenType;

  @Column('boolean')
  scim: boolean;

  @Column('text')
  kid: string;

  /** HMAC-SHA256 of the token. The token itself is nowhere. */
  @Column('bytea', { name: 'token_hmac', select: false })
  tokenHmac?: Buffer;

  @Column('text')
  hint: string;

  @Column('bigint', { name: 'parent_token_id', nullable: true })
  parentTokenId: number | null;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('integer', { name: 'created_by_id', nullable: true })
  createdById: number | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;

  @Column('integer', { name: 'revoked_by_id', nullable: true })
  revokedById: number | null;

  @Column('boolean', { name: 'revoked_by_admin' })
  revokedByAdmin: boolean;
}
