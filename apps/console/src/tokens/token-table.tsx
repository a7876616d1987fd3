import { VisuallyHidden } from '@mantine/core';
import { Link } from 'react-router';
import type { TokenDto } from '../api/generated/types.gen.ts';
import classes from '../listing/listing.module.css';
import { NameText } from '../listing/name-text.tsx';
import { SortableHeader } from '../listing/sortable-header.tsx';
import { ExpirationText } from './expiration-text.tsx';
import { StatusDot } from './status-dot.tsx';
import { TokenMenu } from './token-menu.tsx';
import type { TokenSort } from './token-queries.ts';
import { UsageText } from './usage-text.tsx';

interface TokenTableProps {
  tokens: readonly TokenDto[];
  /** What the owners are called: people own tokens, service users are given them. */
  ownerLabel: string;
  sort: TokenSort;
  onSort: (sort: TokenSort) => void;
  onDelete: (token: TokenDto) => void;
}

/** Rows of tokens. The roles are written out because a phone shows the rows as cards, which would take them away. */
export function TokenTable({ tokens, ownerLabel, sort, onSort, onDelete }: TokenTableProps) {
  const header = { sort, onSort };
  return (
    <table className={classes.table} role="table" aria-label="Tokens">
      <thead role="rowgroup">
        <tr role="row">
          <SortableHeader by="name" {...header}>
            Name
          </SortableHeader>
          <SortableHeader by="user" {...header}>
            {ownerLabel}
          </SortableHeader>
          <th role="columnheader" scope="col">
            Type
          </th>
          <SortableHeader by="status" {...header}>
            Status
          </SortableHeader>
          <SortableHeader by="expiration" {...header}>
            Expiration
          </SortableHeader>
          <SortableHeader by="last_used" descendingFirst {...header}>
            Usage
          </SortableHeader>
          <th role="columnheader" scope="col">
            Created by
          </th>
          <th role="columnheader" scope="col">
            <VisuallyHidden>Actions</VisuallyHidden>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {tokens.map((token) => (
          <TokenTableRow key={token.id} token={token} ownerLabel={ownerLabel} onDelete={onDelete} />
        ))}
      </tbody>
    </table>
  );
}

type TokenTableRowProps = Pick<TokenTableProps, 'ownerLabel' | 'onDelete'> & { token: TokenDto };

function TokenTableRow({ token, ownerLabel, onDelete }: TokenTableRowProps) {
  return (
    <tr role="row">
      <td role="cell" className={classes.text}>
        <div className={classes.title}>
          <Link to={`/settings/tokens/${token.id}`} className={classes.name!}>
            <span className={classes.clamped} title={token.name}>
              {token.name}
            </span>
          </Link>
          {token.scim && <span className={classes.badge}>SCIM</span>}
        </div>
      </td>
      <td role="cell" data-label={ownerLabel} className={classes.text}>
        <div>
          <NameText {...token.user} />
        </div>
      </td>
      <td role="cell" data-label="Type">
        {token.type}
      </td>
      <td role="cell" data-label="Status">
        <StatusDot status={token.status} />
      </td>
      <td role="cell" data-label="Expiration">
        <ExpirationText expiration={token.expiration} />
      </td>
      <td role="cell" data-label="Usage">
        <UsageText token={token} />
      </td>
      <td role="cell" data-label="Created by" className={classes.text}>
        <div className={classes.clamped} title={token.created_by?.name}>
          {token.created_by?.name ?? '—'}
        </div>
      </td>
      <td role="cell" className={classes.actions}>
        <TokenMenu token={token} onDelete={onDelete} />
      </td>
    </tr>
  );
}
