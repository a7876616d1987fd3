import { IsIn, IsInt, IsNumber, IsOptional, Matches, Max, MaxLength, Min, IsString } from 'class-validator';
import {
  ID_MAX,
  type IntrospectRequest,
  type RegisterRequest,
  type RenewRequest,
  USER_ID_MAX,
  WHEN_STALE,
  type WhenStale,
} from '@portcullis/contracts';

/** More than one process can take. */
const RATE_MAX = 1e9;

export class RegisterDto implements RegisterRequest {
  @Matches(/^[A-Za-z0-9._-]{1,64}$/, { message: 'instance must be 1 to 64 characters of A-Z a-z 0-9 . _ -' })
  instance: string;

  @IsOptional()
  @IsIn(WHEN_STALE)
  when_stale?: WhenStale;

  @IsOptional()
  @Max(1_023)
  @Min(0)
  @IsInt()
  worker?: number;
}

export class IntrospectDto implements IntrospectRequest {
  @Max(ID_MAX)
  @Min(1)
  @IsInt()
  token_id: number;

  @Max(USER_ID_MAX)
  @Min(1)
  @IsInt()
  user_id: number;
}

export class RenewDto implements RenewRequest {
  @MaxLength(200)
  @IsString()
  epoch: string;

  @Max(Number.MAX_SAFE_INTEGER)
  @Min(0)
  @IsInt()
  applied_seq: number;

  @IsOptional()
  @Max(RATE_MAX)
  @Min(0)
  @IsNumber()
  requests_per_second?: number;

  @IsOptional()
  @Max(RATE_MAX)
  @Min(0)
  @IsNumber()
  refused_per_second?: number;
}
