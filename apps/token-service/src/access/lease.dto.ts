import { IsInt, Matches, Max, MaxLength, Min, IsString } from 'class-validator';
import type { RegisterRequest, RenewRequest } from '@portcullis/contracts';

export class RegisterDto implements RegisterRequest {
  @Matches(/^[A-Za-z0-9._-]{1,64}$/, { message: 'instance must be 1 to 64 characters of A-Z a-z 0-9 . _ -' })
  instance: string;
}

export class RenewDto implements RenewRequest {
  @MaxLength(200)
  @IsString()
  epoch: string;

  @Max(Number.MAX_SAFE_INTEGER)
  @Min(0)
  @IsInt()
  applied_seq: number;
}
