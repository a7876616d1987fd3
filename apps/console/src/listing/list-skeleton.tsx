import { Skeleton, VisuallyHidden } from '@mantine/core';
import classes from './listing.module.css';

const ROWS = 8;

/** In place of a list that is being read. */
export function ListSkeleton() {
  return (
    <div className={classes.frame} aria-busy="true">
      <VisuallyHidden role="status">Loading</VisuallyHidden>
      {Array.from({ length: ROWS }, (_, row) => (
        <div key={row} className={classes.skeleton} aria-hidden>
          <Skeleton height={12} width={`${28 - (row % 3) * 5}%`} />
          <Skeleton height={12} width="16%" />
          <Skeleton height={12} width="9%" />
          <Skeleton height={12} width="14%" />
        </div>
      ))}
    </div>
  );
}
