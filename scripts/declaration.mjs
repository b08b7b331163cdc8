/**
 * `npm run declaration`: writes src/addon.d.ts, what the addon exports, of what the last build of it has declared, with
 * the classes of the resources, which are made from the table of methods.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from './prepare.mjs';

/** Where the addon's declaration is. */
export const DECLARATION = join(ROOT, 'src', 'addon.d.ts');

const HEAD = `// What the addon exports. Written by \`npm run declaration\` of the Rust in this folder; a test checks that it is fresh.
`;

const KINDS = {
  tag: 'UUID of a de-duplicating tag',
  id: 'id of a conversation, a message or something else',
  user: 'user id, percent-encoded',
};

/** The declaration of the addon that was built last. */
export function declaration() {
  const addon = createRequire(import.meta.url)('../lib/addon.js');
  const methods = JSON.parse(addon.methods());
  const resources = [...new Set(methods.map(({ resource }) => resource))];
  const classes = resources.map((resource) =>
    classOf(
      resource,
      methods.filter((row) => row.resource === resource),
    ),
  );
  const built = readFileSync(join(ROOT, 'target', 'addon.d.ts'), 'utf8').replace(/^(\/\*.*\*\/\n)+/, '');
  return [HEAD, built.trim(), '', ...classes].join('\n');
}

function classOf(resource, rows) {
  const name = resource[0].toUpperCase() + resource.slice(1);
  const methods = rows.map((row) => {
    const paths = row.params.map(({ kind }) => KINDS[kind]).filter(Boolean);
    const notes = [
      `\`${row.verb} ${row.path}\``,
      ...paths.map((path, index) => `${['first', 'second', 'third'][index]}: ${path}`),
    ];
    const third = paths.length > 2 ? ', third?: string' : '';
    return `  /** ${notes.join('; ')} */
  static ${row.name}(seat: unknown, ticket: number, first?: string, second?: string, text?: string${third}): Refused | undefined`;
  });
  return `/** \`layer.${resource}\`: src/resources.rs says what its methods take. */
export declare class ${name} {
${methods.join('\n')}
}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(DECLARATION, declaration());
