import { IconSettings } from './icons.ts';
import { NavLink, Outlet } from 'react-router';
import { AccountMenu } from '../account/account-menu.tsx';
import { ColorSchemeToggle } from './color-scheme-toggle.tsx';
import { CONTENT_ID } from './focus-content.ts';
import { Logo } from './logo.tsx';
import classes from './shell.module.css';
import { useFocusOnNavigation } from './use-focus-on-navigation.ts';

/** The side panel, a bar at the top on a phone, and the page beside it. */
export function Shell() {
  useFocusOnNavigation();
  return (
    <div className={classes.shell}>
      <a className="skip-link" href={`#${CONTENT_ID}`}>
        Skip to the content
      </a>
      <aside className={classes.panel} aria-label="Side panel">
        <div className={classes.brand}>
          <Logo />
          <span className={classes.name}>Portcullis</span>
        </div>
        <nav className={classes.nav} aria-label="Main">
          <NavLink to="/settings" className={classes.link!}>
            <IconSettings size={18} stroke={1.7} aria-hidden />
            <span>Settings</span>
          </NavLink>
        </nav>
        <div className={classes.account}>
          <AccountMenu />
          <ColorSchemeToggle />
        </div>
      </aside>
      <main id={CONTENT_ID} className={classes.main} tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}
