/** Only the prefix is stated (API document, `UserID`); the rest admits nothing that a URL path treats specially. */
export const userIdPattern = /^usr_[A-Za-z0-9_-]{1,128}$/;

/** The API document gives examples only (`54e9ujn`); admits nothing that a URL path treats specially. */
export const appIdPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;

/** Largest request body, in bytes. Prelude states no limit; this one is ours. */
export const maxBodyBytes = 256 * 1024;

/** Longest profile key, in UTF-16 code units. Prelude states no limit; this one is ours. */
export const maxKeyCharacters = 256;

/** Requests that one call may take, its repeats and its search for reserved keys included. */
export const maxRequests = 64;

/** The API's names for what a user can be looked up by. */
export const identifierTypes = { email: "email_address", phone: "phone_number" } as const;
