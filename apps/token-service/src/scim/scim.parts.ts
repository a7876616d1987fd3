import { BulkController } from './bulk/bulk.controller.js';
import { BulkService } from './bulk/bulk.service.js';
import { DiscoveryController } from './discovery/discovery.controller.js';
import { ScimRootController } from './discovery/root.controller.js';
import { GroupSearch } from './groups/group-search.js';
import { ScimGroupsController } from './groups/scim-groups.controller.js';
import { ScimGroupsService } from './groups/scim-groups.service.js';
import { ScimUsersController } from './users/scim-users.controller.js';
import { ScimUsersService } from './users/scim-users.service.js';
import { UserSearch } from './users/user-search.js';

/** SCIM 2.0 (RFC 7642, 7643, 7644): an identity provider provisions people and teams. */
export const SCIM_CONTROLLERS = [
  ScimUsersController,
  ScimGroupsController,
  BulkController,
  DiscoveryController,
  ScimRootController,
];
export const SCIM_PROVIDERS = [ScimUsersService, UserSearch, ScimGroupsService, GroupSearch, BulkService];
