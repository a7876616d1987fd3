import { useEffect } from 'react';

interface Listing {
  /** The page that was asked for. */
  page: number;
  size: number;
  /** How many there are on all pages; undefined while that isn't known for this very list. */
  total: number | undefined;
  onPage: (page: number) => void;
}

/** Goes to the last page when there is none at the address: its last row has gone, or somebody typed the number. */
export function useLastPage({ page, size, total, onPage }: Listing): void {
  const last = total === undefined ? page : Math.max(1, Math.ceil(total / size));
  useEffect(() => {
    if (page > last) onPage(last);
  }, [page, last, onPage]);
}
