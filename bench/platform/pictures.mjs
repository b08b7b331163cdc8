/** Draws what was measured of the platform: `node bench/platform/pictures.mjs SAVED`, which `--render` does. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/prepare.mjs';
import { platformPictures } from '../client/charts.mjs';

const PICTURES = join(ROOT, 'docs', 'benchmarks');

mkdirSync(PICTURES, { recursive: true });
const saved = JSON.parse(readFileSync(process.argv[2], 'utf8'));
for (const [name, picture] of Object.entries(platformPictures(saved))) writeFileSync(join(PICTURES, name), picture);
