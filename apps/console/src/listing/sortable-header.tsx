import { UnstyledButton } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconArrowsSort } from '../app/icons.ts';
import type { ReactNode } from 'react';
import classes from './listing.module.css';

interface SortableHeaderProps<Sort extends string> {
  /** What it sorts by, as the API calls it. */
  by: Sort;
  /** The present order: a name, with `-` before it for descending. */
  sort: string;
  onSort: (sort: Sort | `-${Sort}`) => void;
  /** The order that the first click gives. */
  descendingFirst?: boolean;
  children: ReactNode;
}

/** The head of a column that one can sort by. */
export function SortableHeader<Sort extends string>(props: SortableHeaderProps<Sort>) {
  const { by, sort, onSort, descendingFirst = false, children } = props;
  const isAscending = sort === by;
  const isDescending = sort === `-${by}`;
  const isSorted = isAscending || isDescending;
  const next = isSorted ? isAscending : descendingFirst;
  const Icon = isAscending ? IconArrowUp : isDescending ? IconArrowDown : IconArrowsSort;
  return (
    <th role="columnheader" scope="col" aria-sort={isAscending ? 'ascending' : isDescending ? 'descending' : 'none'}>
      <UnstyledButton className={classes.sort} data-sorted={isSorted} onClick={() => onSort(next ? `-${by}` : by)}>
        {children}
        <Icon size={14} stroke={1.8} aria-hidden />
      </UnstyledButton>
    </th>
  );
}
