/**
 * A callback: after `if (error) return`, the response is there. One that takes the error alone is one as well, and
 * may be called with an error alone.
 */
export interface Callback<Failure, Outcome> {
  (error: Failure | null, ...none: never[]): void;
  (error: Failure | null, response: Outcome): void;
}
