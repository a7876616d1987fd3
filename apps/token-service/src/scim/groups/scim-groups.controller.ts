import { WITHOUT_MEMBERS } from '../protocol/projection.js';
import { ResourceController } from '../protocol/resource.controller.js';
import { ScimController } from '../protocol/scim-call.js';
import { GROUP_TYPE } from '../schema/resource-type.js';
import { GroupSearch } from './group-search.js';
import { ScimGroupsService } from './scim-groups.service.js';

/** A group may have thousands of members, which a PATCH shows only when it is asked to. */
@ScimController('/Groups')
export class ScimGroupsController extends ResourceController {
  constructor(groups: ScimGroupsService, search: GroupSearch) {
    super(GROUP_TYPE, groups, search, WITHOUT_MEMBERS);
  }
}
