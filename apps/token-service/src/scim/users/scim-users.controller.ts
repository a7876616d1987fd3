import { ResourceController } from '../protocol/resource.controller.js';
import { ScimController } from '../protocol/scim-call.js';
import { USER_TYPE } from '../schema/resource-type.js';
import { ScimUsersService } from './scim-users.service.js';
import { UserSearch } from './user-search.js';

@ScimController('/Users')
export class ScimUsersController extends ResourceController {
  constructor(users: ScimUsersService, search: UserSearch) {
    super(USER_TYPE, users, search);
  }
}
