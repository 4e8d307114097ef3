import manifest from "../package.json" with { type: "json" };

export const { name, version } = manifest;
export const title = "Prelude profile";
export const websiteUrl = manifest.homepage;
export const minimumNode = manifest.engines.node.replace(">=", "");

/** `User-Agent` of each request to Prelude. */
export const userAgent = `${name}/${version} node/${process.versions.node}`;
