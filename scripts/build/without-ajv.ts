// Leaves ajv out: the SDK's server names it as its default validator of what comes back from
// `elicitInput`, which ours does not call.
//
// It saves 18 % of the CPU time until `initialize` is answered on Node 20, 11 % on Node 24, and
// 130 kB. Without it nothing breaks; with it, `elicitInput` throws "not bundled".

import assert from "node:assert/strict";
import type { Plugin } from "rolldown";

const provider = /sdk[\\/]dist[\\/]esm[\\/]validation[\\/]ajv-provider\.js$/;

/** Replaces the SDK's module that loads ajv. */
export const withoutAjv = (): Plugin => {
  let found = false;
  return {
    name: "without-ajv",
    load(id) {
      if (!provider.test(id)) return null;
      found = true;
      return 'export class AjvJsonSchemaValidator { getValidator() { throw new Error("not bundled"); } }';
    },
    buildEnd: () => assert(found, "the SDK no longer imports validation/ajv-provider.js"),
  };
};
