/** What TypeScript before 4.7 reads in place of index.d.ts: it finds no types for parameters there. */
export type Callback<Failure, Outcome> = (error: Failure | null, response?: Outcome) => void;
