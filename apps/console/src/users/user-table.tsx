import { VisuallyHidden } from '@mantine/core';
import type { UserDto } from '../api/generated/types.gen.ts';
import classes from '../listing/listing.module.css';
import { SortableHeader } from '../listing/sortable-header.tsx';
import { useCurrentUser } from '../sign-in/session.ts';
import { ActivityDot } from './activity-dot.tsx';
import type { UserDialog } from './user-dialogs.tsx';
import { UserMenu } from './user-menu.tsx';
import type { UserSort } from './user-queries.ts';

interface UserTableProps {
  users: readonly UserDto[];
  sort: UserSort;
  onSort: (sort: UserSort) => void;
  onAsk: (dialog: UserDialog) => void;
}

/** Rows of users; what can be done about them is for Admins. */
export function UserTable({ users, sort, onSort, onAsk }: UserTableProps) {
  const { isAdmin } = useCurrentUser();
  const header = { sort, onSort };
  return (
    <table className={classes.table} role="table" aria-label="Users">
      <thead role="rowgroup">
        <tr role="row">
          <SortableHeader by="name" {...header}>
            Name
          </SortableHeader>
          <SortableHeader by="role" {...header}>
            Role
          </SortableHeader>
          <th role="columnheader" scope="col">
            Teams
          </th>
          <th role="columnheader" scope="col">
            Status
          </th>
          <th role="columnheader" scope="col">
            Active tokens
          </th>
          {isAdmin && (
            <th role="columnheader" scope="col">
              <VisuallyHidden>Actions</VisuallyHidden>
            </th>
          )}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {users.map((user) => (
          <tr role="row" key={user.id}>
            <td role="cell" className={classes.text}>
              <div className={classes.title}>
                <span className={`${classes.name} ${classes.clamped}`} title={user.name}>
                  {user.name}
                </span>
                {user.user_type === 'Service' && <span className={classes.badge}>Service</span>}
              </div>
              {user.user_id !== user.name && (
                <div className={`${classes.second} ${classes.clamped}`} title={user.user_id}>
                  {user.user_id}
                </div>
              )}
            </td>
            <td role="cell" data-label="Role">
              {user.role}
            </td>
            <td role="cell" data-label="Teams" className={classes.text}>
              <div className={classes.clamped} title={user.teams.join(', ')}>
                {user.teams.join(', ')}
              </div>
            </td>
            <td role="cell" data-label="Status">
              <ActivityDot active={user.active} />
            </td>
            <td role="cell" data-label="Active tokens">
              {user.active_tokens}
            </td>
            {isAdmin && (
              <td role="cell" className={classes.actions}>
                <UserMenu user={user} onAsk={onAsk} />
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
