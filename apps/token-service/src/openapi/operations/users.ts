import type { ChangePasswordDto, CreateTeamDto, CreateUserDto, UpdateUserDto } from '@portcullis/contracts';
import type { DescribedOperations, ExampleRequest } from './described-operation.js';
import { BUSY, PASSWORD_CHANGED, TOO_MANY_ATTEMPTS, UNCONFIRMED } from './rare-problems.js';

const create = (summary: string, value: CreateUserDto): ExampleRequest => ({ summary, value });
const update = (summary: string, value: UpdateUserDto): ExampleRequest => ({ summary, value });
const password = (summary: string, value: ChangePasswordDto): ExampleRequest => ({ summary, value });
const team = (value: CreateTeamDto): ExampleRequest => ({ summary: 'A team', value });

export const USERS = {
  users_create: {
    summary: 'Makes a service user, or a person',
    description: 'A service user’s `user_id` is made of the name. Everyone is in the team Public.',
    requests: {
      service: create('A service user', { name: 'API Access', role: 'Editor', teams: ['Data Engineering'] }),
      person: create('A person', {
        name: 'Grace Hopper',
        role: 'Member',
        user_type: 'User',
        email: 'grace@example.com',
      }),
    },
    problems: [UNCONFIRMED],
  },
  users_findAll: {
    summary: 'All users',
    parameters: { page: 1, size: 50, type: 'Service', q: 'api', sort: 'name' },
  },
  users_listing: { summary: 'All users in brief, for a drop-down', parameters: { type: 'Service' } },
  users_me: { summary: 'Who this credential is', description: 'With its role, its teams, its token and its scope.' },
  users_get: { summary: 'A user', parameters: { id: 123 } },
  users_update: {
    summary: 'Changes a user',
    description:
      'What is left out stays. The last active Admin who is a person and can sign in stays one. The answer comes when the gateways go by ' +
      'the change.',
    parameters: { id: 123 },
    requests: {
      role: update('Another role and other teams', { role: 'Manager', teams: [] }),
      deactivate: update('Lets none of their tokens in any more', { active: false }),
      reactivate: update('Lets their tokens in again', { active: true }),
    },
    problems: [UNCONFIRMED],
  },
  users_delete: {
    summary: 'Deletes a user and all of their tokens',
    parameters: { id: 123 },
    problems: [UNCONFIRMED],
  },
  password_change: {
    summary: 'Changes a password',
    description: 'One’s own, with the old one; as an Admin another person’s, without. All their other sessions end.',
    parameters: { id: 124 },
    requests: {
      initial: password('As an Admin: the first password of a person', { password: 'correct horse battery staple' }),
      own: password('One’s own', {
        password: 'twelve or more characters',
        current_password: 'correct horse battery staple',
      }),
      none: password('As an Admin: a person who signs in with an identity provider only', { password: null }),
    },
    problems: [PASSWORD_CHANGED, TOO_MANY_ATTEMPTS, BUSY],
  },
} satisfies DescribedOperations;

export const TEAMS = {
  teams_findAll: { summary: 'All teams', parameters: { page: 1, size: 50 } },
  teams_create: { summary: 'Makes a team', requests: { team: team({ name: 'Data Engineering' }) } },
  teams_get: { summary: 'A team', parameters: { id: 7 } },
  teams_delete: {
    summary: 'Deletes a team',
    description: 'All who were in it lose it, in one change.',
    parameters: { id: 7 },
    problems: [UNCONFIRMED],
  },
} satisfies DescribedOperations;
