import { IsInt, Matches, Max, MaxLength, Min, IsString } from 'class-validator';
import type { RegisterRequest, RenewRequest } from '@portcullis/contracts';

export class RegisterDto implements RegisterRequest {
  @Matches(/^[A-Za-z0-9._-]{1,64}$/, { message: 'instance must be 1 to 64 characters of A-Z a-z 0-9 . _ -' })
  instance: string;
}

export class RenewDto implements RenewRequest {
  @IsString()
  @MaxLength(200)
  epoch: string;

  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  applied_seq: number;
}
