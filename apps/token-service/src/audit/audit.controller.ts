import { Controller, Get, Header, Headers, Query, StreamableFile } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { RequiresRole } from '@portcullis/access-control';
import { AuditQuery, AuditRecordDto, type Page, pageOf } from '@portcullis/contracts';
import { exportStream, exportTypeOf } from './audit-export.js';
import { AuditList } from './audit-list.js';

const AuditPage = pageOf(AuditRecordDto);

@ApiTags('Audit')
@ApiExtraModels(AuditPage)
@Controller('api/audit')
export class AuditController {
  constructor(private readonly list: AuditList) {}

  /**
   * What was done, by whom, when and from where; the newest first. With `Accept: text/csv` or `application/x-ndjson` all that is
   * found comes as a stream, and `page` and `size` are not looked at. `total` counts to 100,000.
   */
  @Get()
  @RequiresRole('Admin')
  @Header('Cache-Control', 'no-store')
  @Header('Vary', 'Accept')
  @ApiOkResponse({
    description: 'A page, or everything as a stream',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(AuditPage) } },
      'text/csv': { schema: { type: 'string' } },
      'application/x-ndjson': { schema: { type: 'string' } },
    },
  })
  async findAll(
    @Query() query: AuditQuery,
    @Headers('accept') accept: string | undefined,
  ): Promise<Page<AuditRecordDto> | StreamableFile> {
    const type = exportTypeOf(accept);
    if (type === undefined) return this.list.page(query);
    const disposition = `attachment; filename="audit.${type === 'text/csv' ? 'csv' : 'ndjson'}"`;
    return new StreamableFile(exportStream(this.list.all(query), type), { type, disposition });
  }
}
