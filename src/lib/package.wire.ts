import manifest from "../../package.json" with { type: "json" };

export const name = manifest.name;
export const title = "Prelude profile";
export const version = manifest.version;
export const websiteUrl = manifest.homepage;
