import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Authenticated, type Caller, RequiresRole } from '@portcullis/access-control';
import {
  CreateUserDto,
  ListUsersQuery,
  MeDto,
  type Page,
  pageOf,
  UpdateUserDto,
  UserDto,
  UserListingDto,
  UserListingQuery,
} from '@portcullis/contracts';
import type { AccessOutcome } from '../access/access-outcome.js';
import type { Actor } from '../audit/actor.js';
import { CurrentActor, CurrentCaller } from '../authentication/current-caller.js';
import { UserIdPipe } from '../openapi/id.pipe.js';
import { UserList } from './user-list.js';
import { meDto, userDto } from './user-views.js';
import { UsersService } from './users.service.js';

@ApiTags('Users')
@Controller('api/users')
export class UsersController {
  constructor(
    private readonly users: UsersService,
    private readonly list: UserList,
  ) {}

  @Post()
  @RequiresRole('Admin')
  @ApiCreatedResponse({ type: UserDto })
  create(@Body() dto: CreateUserDto, @CurrentActor() actor: Actor): Promise<AccessOutcome<UserDto>> {
    return this.users.create(dto, actor);
  }

  @Get()
  @RequiresRole('Manager')
  @ApiOkResponse({ type: pageOf(UserDto) })
  findAll(@Query() query: ListUsersQuery): Promise<Page<UserDto>> {
    return this.list.page(query);
  }

  /** A short list for a drop-down. */
  @Get('listing')
  @RequiresRole('Admin')
  @ApiOkResponse({ type: [UserListingDto] })
  listing(@Query() query: UserListingQuery): Promise<UserListingDto[]> {
    return this.list.listing(query.type);
  }

  /** Who this credential is. */
  @Get('me')
  @Authenticated()
  @ApiOkResponse({ type: MeDto })
  async me(@CurrentCaller() caller: Caller): Promise<MeDto> {
    return meDto(await this.users.get(caller.principal.id), caller);
  }

  @Get(':id')
  @RequiresRole('Manager')
  @ApiOkResponse({ type: UserDto })
  async get(@Param('id', UserIdPipe) id: number): Promise<UserDto> {
    return userDto(await this.users.get(id));
  }

  @Put(':id')
  @RequiresRole('Admin')
  @ApiOkResponse({ type: UserDto })
  update(
    @Param('id', UserIdPipe) id: number,
    @Body() dto: UpdateUserDto,
    @CurrentActor() actor: Actor,
  ): Promise<AccessOutcome<UserDto>> {
    return this.users.update(id, dto, actor);
  }

  /** Deletes someone, and revokes and deletes all of their tokens. */
  @Delete(':id')
  @RequiresRole('Admin')
  @HttpCode(204)
  @ApiNoContentResponse()
  delete(@Param('id', UserIdPipe) id: number, @CurrentActor() actor: Actor): Promise<AccessOutcome<void>> {
    return this.users.delete(id, actor);
  }
}
