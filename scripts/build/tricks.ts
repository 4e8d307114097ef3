import type { Plugin } from "rolldown";
import { evaluateWire } from "./evaluate-wire.ts";
import { lazySchemas } from "./lazy-schemas.ts";
import { plainGuards } from "./plain-guards.ts";
import { withoutAjv } from "./without-ajv.ts";

/** What the build does to the code beside bundling it, in this order; `npm run bench:build` says what each gives. */
export const tricks: Record<string, () => Plugin> = {
  "evaluate-wire": evaluateWire,
  "without-ajv": withoutAjv,
  "plain-guards": plainGuards,
  "lazy-schemas": lazySchemas,
};
