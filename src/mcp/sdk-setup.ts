import { config } from "zod/v4/core";

// Imported before the SDK, whose schemas must find these settings. zod would compile a parser for
// each schema, of which most are used once or never, and look in each for references in a circle,
// which JSON has none of.
config({ jitless: true, memoizer: { alloc: (_, __, empty) => empty, attach() {}, guard() {} } });
