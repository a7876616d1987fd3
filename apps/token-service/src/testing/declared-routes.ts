import { randomBytes } from 'node:crypto';
import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, ModulesContainer, NestFactory, Reflector } from '@nestjs/core';
import { routeAccess, type RouteAccess } from '@portcullis/access-control';
import { readConfig } from '../config.js';
import { TokenServiceModule } from '../token-service.module.js';

const config = readConfig({
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
  NATS_URL: 'nats://127.0.0.1:1',
  PORTCULLIS_INTERNAL_SECRET: 'x'.repeat(32),
  PORTCULLIS_MASTER_KEY: randomBytes(32).toString('base64'),
});

export interface Route {
  name: string;
  access: RouteAccess | undefined;
}

/** Every route of the app, found as Nest finds them. `preview` puts the modules together and instantiates nothing. */
export async function walkRoutes(): Promise<Route[]> {
  const app = await NestFactory.createApplicationContext(TokenServiceModule.register(config), {
    preview: true,
    logger: false,
    abortOnError: false,
  });
  const controllers = [...app.get(ModulesContainer).values()].flatMap((module) => [...module.controllers.values()]);
  return controllers.flatMap(({ metatype }) => routesOf(metatype as new () => object));
}

function routesOf(controller: new () => object): Route[] {
  const methods = new MetadataScanner()
    .getAllMethodNames(controller.prototype)
    .map((name) => (controller.prototype as Record<string, Function>)[name]!);
  return methods
    .filter((method) => Reflect.hasMetadata(METHOD_METADATA, method))
    .map((method) => ({ name: nameOf(controller, method), access: routeAccess(new Reflector(), method, controller) }));
}

function nameOf(controller: Function, method: Function): string {
  const verb = RequestMethod[Reflect.getMetadata(METHOD_METADATA, method) as number];
  const path = [Reflect.getMetadata(PATH_METADATA, controller), Reflect.getMetadata(PATH_METADATA, method)].join('/');
  return `${verb} /${path}`.replaceAll(/\/{2,}/g, '/').replace(/(.)\/$/, '$1');
}
