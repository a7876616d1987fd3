import { Column, Entity, JoinTable, ManyToMany, PrimaryGeneratedColumn, VirtualColumn } from 'typeorm';
import type { Role, UserType } from '@portcullis/contracts';
import { Team } from '../teams/team.entity.js';

/** How many tokens of a user have the status Active. @param user what the table is called in the query */
export const activeTokensSql = (user: string): string => `
  SELECT count(*)::integer FROM tokens t
  WHERE t.user_id = ${user}.id AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())`;

@Entity('users')
export class User {
  @PrimaryGeneratedColumn('identity', { generatedIdentity: 'ALWAYS' })
  id: number;

  @Column('text', { name: 'user_id' })
  userId: string;

  @Column('text', { name: 'user_name' })
  userName: string;

  @Column('text')
  email: string;

  @Column('text')
  name: string;

  @Column('text', { name: 'user_type' })
  userType: UserType;

  @Column('text')
  role: Role;

  @Column('boolean', { default: true })
  active: boolean;

  /** Argon2id in PHC form; only people who sign in with a password have one. */
  @Column('text', { name: 'password_hash', nullable: true, select: false })
  passwordHash?: string | null;

  @VirtualColumn({ type: 'boolean', query: (user) => `SELECT ${user}.password_hash IS NOT NULL` })
  hasPassword: boolean;

  @VirtualColumn({ type: 'bigint', query: activeTokensSql })
  activeTokens: number;

  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false })
  createdAt: Date;

  @Column('integer', { name: 'created_by_id', nullable: true })
  createdById: number | null;

  /** Without Public, which everyone is in. */
  @ManyToMany(() => Team)
  @JoinTable({
    name: 'team_members',
    joinColumn: { name: 'user_id' },
    inverseJoinColumn: { name: 'team_id' },
  })
  teams: Team[];
}
