import { MultiSelect, Select } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import { messageOf } from '../api/problem.ts';
import { ROLES, type Role, useTeamNames } from './user-queries.ts';

/** More than a drop-down can show; the search finds the others. */
const SHOWN_MAX = 50;

export interface RoleAndTeams {
  role: Role;
  teams: string[];
}

/** The fields for role and teams, in whichever form they are part of. */
export function RoleAndTeamsFields<Values extends RoleAndTeams>({ form }: { form: UseFormReturnType<Values> }) {
  const { data: teams = [], error } = useTeamNames();
  const { error: teamsError, ...teamsProps } = form.getInputProps('teams');
  return (
    <>
      <Select label="Role" required data={ROLES} {...form.getInputProps('role')} />
      <MultiSelect
        label="Teams"
        description="Everyone is in Public."
        data={teams}
        searchable
        limit={SHOWN_MAX}
        clearable
        clearButtonProps={{ 'aria-label': 'Clear the teams' }}
        nothingFoundMessage="No such team"
        {...teamsProps}
        error={teamsError ?? (error && `The teams can’t be read: ${messageOf(error)}`)}
      />
    </>
  );
}
