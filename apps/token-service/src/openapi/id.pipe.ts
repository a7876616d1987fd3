import { Injectable, type PipeTransform } from '@nestjs/common';
import { ID_MAX, invalidField, USER_ID_MAX } from '@portcullis/contracts';

/** Reads an id from the path. @throws Problem 400 for anything but a whole number from 1 to `max` */
function readId(text: string, max: number): number {
  const id = Number(text);
  if (!/^\d{1,16}$/.test(text) || id < 1 || id > max)
    throw invalidField('id', `must be a whole number from 1 to ${max}`);
  return id;
}

@Injectable()
export class UserIdPipe implements PipeTransform<string, number> {
  transform(text: string): number {
    return readId(text, USER_ID_MAX);
  }
}

@Injectable()
export class TokenIdPipe implements PipeTransform<string, number> {
  transform(text: string): number {
    return readId(text, ID_MAX);
  }
}
