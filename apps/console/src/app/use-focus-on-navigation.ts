import { useEffect, useRef } from 'react';
import { useLocation, useNavigationType } from 'react-router';
import { focusContent } from './focus-content.ts';

/** The link that led to a page is mostly gone with the page that it was on: the focus goes on to the new one. */
export function useFocusOnNavigation(): void {
  const { pathname } = useLocation();
  const isRedirect = useNavigationType() === 'REPLACE';
  const before = useRef(pathname);
  useEffect(() => {
    const isElsewhere = before.current !== pathname;
    before.current = pathname;
    if (isElsewhere && !isRedirect && document.activeElement === document.body) focusContent();
  }, [pathname, isRedirect]);
}
