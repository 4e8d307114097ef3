import type { Plugin } from "rolldown";
import { evaluateWire } from "./evaluate-wire.ts";
import { lazySchemas } from "./lazy-schemas.ts";
import { withoutAjv } from "./without-ajv.ts";

/**
 * What the build does to the code beside bundling it, in this order. The figures at the head of each
 * file are medians of interleaved runs with and without it: `npm run bench:build`.
 */
export const tricks: Record<string, () => Plugin> = {
  "evaluate-wire": evaluateWire,
  "without-ajv": withoutAjv,
  "lazy-schemas": lazySchemas,
};
