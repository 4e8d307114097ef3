import { config } from "zod/v4/core";

// Imported before the SDK, whose schemas must find the setting: zod would compile a parser for each
// of them, and most are used once or never.
config({ jitless: true });
