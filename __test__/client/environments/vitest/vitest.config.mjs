export default { test: { include: ['**/*.spec.mjs'], maxWorkers: 2, minWorkers: 1 } };
