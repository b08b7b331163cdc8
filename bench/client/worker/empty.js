'use strict';

/** What is required to see what requiring costs by itself. */
