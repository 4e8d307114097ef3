import manifest from "../../package.json" with { type: "json" };

export const name = manifest.name;
export const title = "Prelude profile";
export const version = manifest.version;
/** False until a release sets the owner: until then the package's name on npm may be anybody's. */
export const published = !manifest.repository.url.includes("/OWNER/");
/** Null, not undefined, because the build ships these values as JSON. */
export const websiteUrl = published ? manifest.homepage : null;
