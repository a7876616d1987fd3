import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { RequiresRole } from '@portcullis/access-control';
import { CreateTeamDto, type Page, pageOf, PageQuery, TeamDto } from '@portcullis/contracts';
import type { AccessOutcome } from '../access/access-outcome.js';
import type { Actor } from '../audit/actor.js';
import { CurrentActor } from '../authentication/current-caller.js';
import { UserIdPipe } from '../openapi/id.pipe.js';
import { TeamsService } from './teams.service.js';

@ApiTags('Teams')
@Controller('api/teams')
export class TeamsController {
  constructor(private readonly teams: TeamsService) {}

  @Get()
  @RequiresRole('Manager')
  @ApiOkResponse({ type: pageOf(TeamDto) })
  findAll(@Query() query: PageQuery): Promise<Page<TeamDto>> {
    return this.teams.page(query);
  }

  @Post()
  @RequiresRole('Admin')
  @ApiCreatedResponse({ type: TeamDto })
  create(@Body() dto: CreateTeamDto, @CurrentActor() actor: Actor): Promise<TeamDto> {
    return this.teams.create(dto, actor);
  }

  @Get(':id')
  @RequiresRole('Manager')
  @ApiOkResponse({ type: TeamDto })
  get(@Param('id', UserIdPipe) id: number): Promise<TeamDto> {
    return this.teams.get(id);
  }

  @Delete(':id')
  @RequiresRole('Admin')
  @HttpCode(204)
  @ApiNoContentResponse()
  delete(@Param('id', UserIdPipe) id: number, @CurrentActor() actor: Actor): Promise<AccessOutcome<void>> {
    return this.teams.delete(id, actor);
  }
}
