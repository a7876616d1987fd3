/** Layer boundaries: an app never imports another, libs never import apps, contracts import nothing of ours. */
module.exports = {
  forbidden: [
    {
      name: 'apps-stand-alone',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: ['^apps/$1/', '^apps/[^/]+/node_modules/'] },
    },
    {
      name: 'console-knows-the-api-alone',
      comment: 'What it knows of the servers is generated from the OpenAPI document.',
      severity: 'error',
      from: { path: '^apps/console/' },
      to: { path: '^(libs|examples|test|scripts)/' },
    },
    {
      name: 'libs-know-no-app',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(apps|examples|test|scripts)/' },
    },
    {
      name: 'contracts-know-no-lib',
      severity: 'error',
      from: { path: '^libs/contracts/' },
      to: { path: '^libs/(?!contracts/)' },
    },
    {
      name: 'examples-stand-alone',
      severity: 'error',
      from: { path: '^examples/([^/]+)/' },
      to: { path: '^(apps|libs|test)/' },
    },
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-orphans-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^virtual:' } },
  ],
  options: {
    tsPreCompilationDeps: true,
    exclude: { path: '(^|/)(dist|node_modules)/' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      conditionNames: ['portcullis-source', 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
};
